// Plain loops over the same operands: what every machine runs, and what the vector paths must equal.
#include <cstring>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

int32_t word_dot(const uint8_t* a, const uint8_t* w, Dot dot) {
  if (dot == Dot::s16) {
    int16_t x[2], y[2];
    std::memcpy(x, a, 4);
    std::memcpy(y, w, 4);
    return x[0] * y[0] + x[1] * y[1];
  }
  int32_t sum = 0;
  for (int i = 0; i < 4; ++i) sum += int32_t(a[i]) * int8_t(w[i]);
  return sum;
}

int32_t add_wrapped(int32_t a, int32_t b) { return int32_t(uint32_t(a) + uint32_t(b)); }

void row(const RowProduct& p, Dot dot) {
  for (int pixel = 0; pixel < p.pixels; ++pixel)
    for (int n = 0; n < p.n; ++n) {
      int32_t sum = p.init[n];
      for (int tap = 0; tap < p.taps; ++tap)
        for (int k = 0; k < p.k; ++k)
          sum = add_wrapped(sum, word_dot(p.a + p.tap_offset[tap] + int64_t(pixel) * p.pixel_step + 4 * k,
                                          p.w + ((int64_t(tap) * p.k + k) * p.n + n) * 4, dot));
      p.out[int64_t(pixel) * p.n + n] = sum;
    }
}

void weights_gradient(const WeightsGradient& p, Dot dot) {
  for (int dy = 0; dy < p.kh; ++dy)
    for (int dx = 0; dx < p.kw; ++dx)
      for (int n = 0; n < p.n; ++n)
        for (int k = 0; k < p.k; ++k) {
          int32_t sum = 0;
          for (int h = 0; h < p.rows_out; ++h)
            for (int b = 0; b < p.blocks; ++b)
              sum = add_wrapped(
                  sum, word_dot(p.x + dx * p.x_tap + (int64_t(h) * p.row_step + dy) * p.x_row + (int64_t(b) * p.k + k) * 4,
                                p.g + ((int64_t(h) * p.blocks + b) * p.n + n) * 4, dot));
          int32_t& dw = p.dw[(int64_t(dy * p.kw + dx) * p.n + n) * p.k + k];
          dw = add_wrapped(dw, int32_t(uint32_t(sum) << p.shift));
        }
}

void slide(const SlideRow& s) {
  for (int b = 0; b < s.blocks; ++b)
    for (int c = 0; c < s.channels; ++c)
      for (int j = 0; j < 4; ++j) {
        const int pixel = (4 * b + j) * s.step;
        s.out[(int64_t(b) * s.channels + c) * 4 + j] = s.pixels[int64_t(pixel < s.last ? pixel : s.last) * s.channels + c];
      }
}

}  // namespace

extern const ConvKernels conv_kernels_scalar;
const ConvKernels conv_kernels_scalar = {row, weights_gradient, slide};

}  // namespace subbyte
