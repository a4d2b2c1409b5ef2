// Augmentation of one image, a function of random words alone.
#pragma once
#include <array>
#include <cstdint>

#include "data/loader.h"

namespace subbyte {

/// Crop offsets in 0..2 pad, whether to mirror, and the cutout's centre.
struct AugmentationDraw {
  int crop_y = 0, crop_x = 0;
  bool mirror = false;
  int cut_y = 0, cut_x = 0;
};

AugmentationDraw draw_augmentation(const Augmentation&, int height, int width, const std::array<uint32_t, 4>& words);

/// out[y][x] = in[y + crop_y - pad][x + crop_x - pad] (0 outside), mirrored after the crop, then the cutout's square is 0.
/// Both are [height][width][channels] and must not overlap.
void augment(const Augmentation&, const AugmentationDraw&, int height, int width, int channels, const uint8_t* in, uint8_t* out);

}  // namespace subbyte
