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

int32_t narrow(int32_t acc, int shift) {
  const int64_t y = shift ? (int64_t{acc} + (int64_t{1} << (shift - 1))) >> shift : acc;
  return y < -stream_limit ? -stream_limit : y > stream_limit ? stream_limit : int32_t(y);
}

void product(const ImageProduct& p, Dot dot) {
  for (int row = 0; row < p.rows; ++row)
    for (int pixel = 0; pixel < p.pixels; ++pixel)
      for (int n = 0; n < p.n; ++n) {
        int32_t acc = p.init[n];
        for (int tap = 0; tap < p.taps; ++tap)
          for (int k = 0; k < p.k; ++k)
            acc = add_wrapped(acc, word_dot(p.a + p.tap_offset[tap] + row * p.row_step + pixel * p.pixel_step + 4 * k,
                                            p.w + panel_word(int64_t(p.taps) * p.k, p.n, int64_t(tap) * p.k + k, n) * 4, dot));
        const int32_t y = narrow(acc, p.shift);
        if (n < p.channels) p.y[row * p.y_row + pixel * p.y_pixel + n] = int16_t(y);
        if (p.sum) p.sum[n] += y;
        if (acc < p.low[n]) p.low[n] = acc;
        if (acc > p.high[n]) p.high[n] = acc;
      }
}

void weights_gradient(const WeightsGradient& p, Dot dot) {
  const int end = p.last_panel * panel_columns < p.n ? p.last_panel * panel_columns : p.n;
  for (int dy = 0; dy < p.kh; ++dy)
    for (int dx = 0; dx < p.kw; ++dx)
      for (int k = 0; k < p.k; ++k)
        for (int n = p.first_panel * panel_columns; n < end; ++n) {
          int32_t& dw = p.dw[(int64_t(dy * p.kw + dx) * p.k + k) * p.n + n];
          for (int i = 0; i < p.images; ++i) {
            int32_t sum = 0;
            const uint8_t* g = p.g + n / panel_columns * p.g_panel + i * p.g_image + n % panel_columns * 4;
            for (int row = 0; row < p.rows; ++row)
              for (int b = 0; b < p.blocks; ++b)
                sum = add_wrapped(sum, word_dot(p.x + i * p.x_image + k * p.x_channel +
                                                    (int64_t(row) * p.row_step + dy) * p.x_row + p.column_offset[dx] + 4 * b,
                                                g + (int64_t(row) * p.blocks + b) * panel_width(p.n, n) * 4, dot));
            dw = add_wrapped(dw, int32_t(uint32_t(sum) << p.image_shift[i]));
          }
        }
}

void transpose(const Transpose& t) {
  for (int c = 0; c < t.channels; ++c)
    for (int row = 0; row < t.rows; ++row)
      for (int j = 0; j < t.count; ++j) {
        const uint8_t* pixel = t.pixels + row * t.row_step + j * t.step;
        t.out[c * t.out_channel + row * t.out_row + j] = t.bits == 8 ? pixel[c] : uint8_t((pixel[c / 2] >> (c % 2 * 4)) & 15);
      }
}

void gradient_words(const GradientWords& g) {
  for (int row = 0; row < g.rows; ++row)
    for (int n = 0; n < g.n; ++n)
      for (int p = 0; p < 4 * g.blocks; ++p)
        g.out[n / panel_columns * g.out_panel +
              ((int64_t(row) * g.blocks + p / 4) * panel_width(g.n, n) + n % panel_columns) * 4 + p % 4] =
            p < g.pixels && n < g.channels ? g.codes[(int64_t(row) * g.pixels + p) * g.channels + n] : 0;
}

}  // namespace

extern const ConvKernels conv_kernels_scalar;
const ConvKernels conv_kernels_scalar = {product, weights_gradient, transpose, gradient_words};

}  // namespace subbyte
