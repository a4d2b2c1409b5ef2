#include "nn/integer/operands.h"

#include <algorithm>
#include <cstring>

namespace subbyte {

void PaddedImage::shape(int height, int width, int bytes_a_pixel, uint8_t zero) {
  if (height == h && width == w && bytes_a_pixel == pixel_bytes && zero_ == zero) return;
  h = height;
  w = width;
  pixel_bytes = bytes_a_pixel;
  zero_ = zero;
  bytes.resize(size_t(h) * w * pixel_bytes);
  bytes.fill_bytes(zero);
}

void place_bytes(const uint8_t* codes, Shape shape, int pad, PaddedImage& out) {
  if (shape.c == out.pixel_bytes) {
    for (int y = 0; y < shape.h; ++y)
      std::memcpy(out.pixel(y + pad, pad), codes + int64_t(y) * shape.w * shape.c, size_t(shape.w) * shape.c);
    return;
  }
  for (int y = 0; y < shape.h; ++y)
    for (int x = 0; x < shape.w; ++x)
      std::memcpy(out.pixel(y + pad, x + pad), codes + (int64_t(y) * shape.w + x) * shape.c, size_t(shape.c));
}

void place_words(const uint8_t* codes, int zero, Shape shape, int pad, PaddedImage& out) {
  for (int y = 0; y < shape.h; ++y)
    for (int x = 0; x < shape.w; ++x) {
      int16_t* to = reinterpret_cast<int16_t*>(out.pixel(y + pad, x + pad));
      const uint8_t* from = codes + (int64_t(y) * shape.w + x) * shape.c;
      for (int c = 0; c < shape.c; ++c) to[c] = int16_t(from[c] - zero);
    }
}

void slide_image(const Context& ctx, PaddedImage& image, const ProductShape& s, SlidingImage& out) {
  out.rows = image.h;
  out.k = image.pixel_bytes;
  out.blocks = (s.out.w + 3) / 4;
  out.bytes.resize(size_t(s.kw) * out.tap_bytes());
  for (int dx = 0; dx < s.kw; ++dx)
    for (int y = 0; y < out.rows; ++y)
      ctx.conv.slide({image.pixel(y, dx), s.stride, image.w - 1 - dx, out.blocks, out.k,
                      out.bytes.data() + dx * out.tap_bytes() + int64_t(y) * out.row_bytes()});
}

void gradient_words(const Context& ctx, const int8_t* codes, Shape shape, int blocks, int n8, Buffer<uint8_t>& scratch,
                    uint8_t* out) {
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(codes);
  const bool whole = shape.c == n8 && shape.w % 4 == 0;
  scratch.resize(size_t(4) * blocks * n8);
  if (!whole) std::memset(scratch.data(), 0, scratch.size());
  for (int y = 0; y < shape.h; ++y) {
    const uint8_t* row = bytes + int64_t(y) * shape.w * shape.c;
    if (!whole) {
      for (int x = 0; x < shape.w; ++x) std::memcpy(scratch.data() + x * n8, row + x * shape.c, size_t(shape.c));
      row = scratch.data();
    }
    ctx.conv.slide({row, 1, 4 * blocks - 1, blocks, n8, out + int64_t(y) * blocks * n8 * 4});
  }
}

}  // namespace subbyte
