#include "data/augment.h"

#include <algorithm>
#include <cstring>

namespace subbyte {
namespace {

/// out[x] = in[pixels - 1 - x].
void copy_mirrored(const uint8_t* in, int pixels, int channels, uint8_t* out) {
  const uint8_t* from = in + int64_t(pixels - 1) * channels;
  if (channels == 3 && pixels > 1) {
    // Words of 4 bytes: the fourth is overwritten by the next pixel. The ends are exact, so nothing outside is touched.
    std::memcpy(out, from, 3);
    for (int x = 1; x < pixels - 1; ++x) std::memcpy(out + 3 * x, from - 3 * x, 4);
    std::memcpy(out + 3 * (pixels - 1), in, 3);
    return;
  }
  for (int x = 0; x < pixels; ++x)
    for (int c = 0; c < channels; ++c) out[x * channels + c] = from[c - x * channels];
}

/// floor(word / 2^32 * count): bias below count / 2^32.
int pick(uint32_t word, int count) { return int((uint64_t(word) * uint64_t(count)) >> 32); }

}  // namespace

AugmentationDraw draw_augmentation(const Augmentation& a, int height, int width, const std::array<uint32_t, 4>& words) {
  AugmentationDraw draw;
  draw.crop_y = pick(words[0] << 16, 2 * a.crop_pad + 1);
  draw.crop_x = pick(words[0] & 0xFFFF0000u, 2 * a.crop_pad + 1);
  draw.mirror = a.flip && (words[1] & 1);
  draw.cut_y = pick(words[2], height);
  draw.cut_x = pick(words[3], width);
  return draw;
}

void augment(const Augmentation& a, const AugmentationDraw& draw, int height, int width, int channels, const uint8_t* in,
             uint8_t* out) {
  const int shift_y = draw.crop_y - a.crop_pad, shift_x = draw.crop_x - a.crop_pad;
  const int first = std::max(0, -shift_x), last = std::min(width, width - shift_x);  // columns that come from the image
  for (int y = 0; y < height; ++y) {
    uint8_t* row = out + int64_t(y) * width * channels;
    const int from = y + shift_y;
    std::memset(row, 0, size_t(width) * channels);
    if (from < 0 || from >= height || first >= last) continue;
    const uint8_t* source = in + (int64_t(from) * width + first + shift_x) * channels;
    if (draw.mirror) copy_mirrored(source, last - first, channels, row + (width - last) * channels);
    else std::memcpy(row + first * channels, source, size_t(last - first) * channels);
  }
  if (a.cutout <= 0) return;
  const int top = std::max(0, draw.cut_y - a.cutout / 2), bottom = std::min(height, draw.cut_y - a.cutout / 2 + a.cutout);
  const int left = std::max(0, draw.cut_x - a.cutout / 2), right = std::min(width, draw.cut_x - a.cutout / 2 + a.cutout);
  for (int y = top; y < bottom; ++y)
    std::memset(out + (int64_t(y) * width + left) * channels, 0, size_t(std::max(0, right - left)) * channels);
}

}  // namespace subbyte
