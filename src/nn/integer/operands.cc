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
  const int last = image.w - 1;  // pixels beyond the row meet zero gradients: any will do
  for (int dx = 0; dx < s.kw; ++dx)
    for (int y = 0; y < out.rows; ++y)
      for (int b = 0; b < out.blocks; ++b) {
        auto at = [&](int j) { return image.pixel(y, std::min((4 * b + j) * s.stride + dx, last)); };
        ctx.conv.slide(at(0), at(1), at(2), at(3), out.k,
                       out.bytes.data() + dx * out.tap_bytes() + y * out.row_bytes() + int64_t(b) * out.k * 4);
      }
}

void gradient_words(const Context& ctx, const int8_t* codes, Shape shape, int blocks, int n8, Buffer<uint8_t>& scratch,
                    uint8_t* out) {
  scratch.resize(size_t(4) * n8);
  for (int y = 0; y < shape.h; ++y)
    for (int b = 0; b < blocks; ++b) {
      const uint8_t* row = reinterpret_cast<const uint8_t*>(codes) + (int64_t(y) * shape.w + 4 * b) * shape.c;
      const uint8_t* p[4];
      const bool whole = shape.c == n8 && 4 * b + 4 <= shape.w;
      for (int j = 0; j < 4; ++j) p[j] = row + int64_t(j) * shape.c;
      if (!whole) {
        std::memset(scratch.data(), 0, size_t(4) * n8);
        for (int j = 0; j < 4; ++j) {
          if (4 * b + j < shape.w) std::memcpy(scratch.data() + j * n8, p[j], size_t(shape.c));
          p[j] = scratch.data() + j * n8;
        }
      }
      ctx.conv.slide(p[0], p[1], p[2], p[3], n8, out + (int64_t(y) * blocks + b) * n8 * 4);
    }
}

}  // namespace subbyte
