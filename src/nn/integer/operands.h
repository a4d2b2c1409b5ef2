// First operands of the products, per image and thread: codes unpacked into padded pixel rows, gradient codes into both
// of the forms that its two products read.
#pragma once
#include <cstdint>

#include "base/buffer.h"
#include "nn/integer/context.h"
#include "nn/integer/weights.h"

namespace subbyte {

inline int round_up(int n, int to) { return (n + to - 1) / to * to; }

/// An image as [h][w][channels] of u8 or s16 with a frame of zeros, channels padded to whole words.
struct PaddedImage {
  int h = 0, w = 0;        ///< with frame
  int pixel_bytes = 0;
  Buffer<uint8_t> bytes;

  int row_bytes() const { return w * pixel_bytes; }
  /// Sets the geometry; every byte becomes `zero` where it changed.
  void shape(int height, int width, int bytes_a_pixel, uint8_t zero);
  uint8_t* pixel(int y, int x) { return bytes.data() + (int64_t(y) * w + x) * pixel_bytes; }

 private:
  int zero_ = -1;
};

/// Copies codes [h][w][c] (bytes) into the interior at (pad, pad).
void place_bytes(const uint8_t* codes, Shape shape, int pad, PaddedImage& out);
/// The same as int16 with the zero point taken out.
void place_words(const uint8_t* codes, int zero, Shape shape, int pad, PaddedImage& out);

/// The sliding form of backward-weights: words [kw][rows][blocks][k16], a word = 4 output-neighbouring pixels.
struct SlidingImage {
  int rows = 0, blocks = 0, k = 0;
  Buffer<uint8_t> bytes;
  int64_t tap_bytes() const { return int64_t(rows) * row_bytes(); }
  int row_bytes() const { return blocks * k * 4; }
};
/// `image` holds bytes with pixel_bytes = k (a multiple of 16).
void slide_image(const Context&, PaddedImage& image, const ProductShape&, SlidingImage& out);

/// Gradient codes [oh][ow][co] as s8 words [oh][blocks][n8] (zero beyond the row).
void gradient_words(const Context&, const int8_t* codes, Shape shape, int blocks, int n8, Buffer<uint8_t>& scratch,
                    uint8_t* out);

}  // namespace subbyte
