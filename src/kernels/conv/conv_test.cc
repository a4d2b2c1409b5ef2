// The products: every instruction set against the scalar table over random shapes and operands, and the scalar table, used
// as its header says, against a convolution in plain loops.
#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/test_support.h"

namespace subbyte {
namespace {

/// Bounds of byte operands: 0 <= u <= max_u, |s| <= max_s, and how many words' pair sums may be added up in 16 bits.
struct Bytes {
  Dot dot;
  int max_u = 255, max_s = 127, burst = 1;
};

Bytes any_bytes(Dot dot) {
  Bytes b{dot};
  if (dot != Dot::u8s8) return b;
  b.max_u = (1 << *rc::gen::element(1, 2, 3, 4, 5, 6, 7, 8)) - 1;
  const int most = std::min(127, 32767 / (2 * b.max_u));
  b.max_s = *rc::gen::element(1, std::min(7, most), most, *rc::gen::inRange(1, most + 1));
  const int largest = int16_burst(b.max_u, b.max_s);
  RC_ASSERT(largest >= 1);
  b.burst = *rc::gen::element(1, largest, *rc::gen::inRange(1, largest + 1));
  return b;
}

struct Row {
  Bytes bytes;
  int taps, k, step, pixels, n;
  std::vector<int32_t> offset;
  Guarded<uint8_t> a, w;
  Guarded<int32_t> init;

  RowProduct product(int32_t* out) const {
    return {a.data(), offset.data(), taps, k, step, pixels, w.data(), n, init.data(), out, bytes.burst};
  }
};

Row any_row(Contents& contents, Dot dot, int taps, int k, int pixels) {
  const int n = 16 * *rc::gen::inRange(1, 7), step = 4 * k * *rc::gen::element(0, 1, 2) + *rc::gen::element(0, 0, 3);
  const int reach = *rc::gen::inRange(0, 4 * k * 8 + 1);
  Row r{any_bytes(dot), taps, k, step, pixels, n, {},
        Guarded<uint8_t>(size_t(reach) + size_t(pixels - 1) * step + 4 * k, any_offset()),
        Guarded<uint8_t>(size_t(taps) * k * n * 4, any_offset()), Guarded<int32_t>(n, any_offset())};
  for (int tap = 0; tap < taps; ++tap) r.offset.push_back(int32_t(contents.uniform(0, reach)));
  contents.fill(r.init, INT32_MIN, INT32_MAX);
  contents.fill(r.a, 0, r.bytes.max_u);
  contents.fill(reinterpret_cast<int8_t*>(r.w.data()), r.w.size(), -r.bytes.max_s, r.bytes.max_s);
  return r;
}

void require_rows_equal_scalar(const Row& r) {
  Guarded<int32_t> expected(size_t(r.pixels) * r.n);
  conv_kernels(Isa::scalar).row(r.product(expected.data()), r.bytes.dot);
  for (Isa isa : supported_isas()) {
    Guarded<int32_t> out(expected.size(), any_offset());
    conv_kernels(isa).row(r.product(out.data()), r.bytes.dot);
    require_same(out, expected, "row", isa);
  }
}

TEST(ConvRow, EveryInstructionSetEqualsScalar) {
  EXPECT_TRUE(rc::check("any taps, words, pixels and columns; u8s8, u8s8_wide and s16", [] {
    Contents contents = any_contents();
    const Dot dot = *rc::gen::element(Dot::u8s8, Dot::u8s8, Dot::u8s8_wide, Dot::s16);
    Row r = any_row(contents, dot, *rc::gen::inRange(1, 26), *rc::gen::inRange(1, 21), *rc::gen::inRange(1, 71));
    if (dot == Dot::u8s8_wide) {
      contents.fill(r.a, 0, 255);
      contents.fill(reinterpret_cast<int8_t*>(r.w.data()), r.w.size(), -128, 127);
    }
    if (dot == Dot::s16) {  // overlapping words may pair any two of these bytes: high bytes of -128 are left out
      contents.fill(r.a, 0, 255);
      for (size_t i = 0; i < r.w.size(); ++i) r.w[i] = uint8_t(contents.uniform(-127, 127));
    }
    require_rows_equal_scalar(r);
  }));
}

TEST(ConvRow, LongReductionsOfTheLargestOperandsStayExactAtTheLargestBurst) {
  EXPECT_TRUE(rc::check("hundreds of words, u = max_u, s = +max_s or -max_s", [] {
    Contents contents = any_contents();
    Row r = any_row(contents, Dot::u8s8, *rc::gen::inRange(9, 26), *rc::gen::inRange(20, 65), *rc::gen::inRange(1, 9));
    r.bytes.burst = int16_burst(r.bytes.max_u, r.bytes.max_s);
    std::fill_n(r.a.data(), r.a.size(), uint8_t(r.bytes.max_u));
    for (size_t i = 0; i < r.w.size(); ++i) r.w[i] = uint8_t(i / 4 % 2 ? r.bytes.max_s : -r.bytes.max_s);  // by column
    require_rows_equal_scalar(r);
    Guarded<int32_t> out(size_t(r.pixels) * r.n);
    for (Isa isa : supported_isas()) {
      conv_kernels(isa).row(r.product(out.data()), Dot::u8s8);
      const int64_t sum = int64_t(4) * r.taps * r.k * r.bytes.max_u * r.bytes.max_s;
      for (size_t i = 0; i < out.size(); ++i)
        RC_ASSERT(out[i] == int32_t(uint32_t(uint64_t(r.init[i % r.n] + (i % 2 ? sum : -sum)))));
    }
  }));
}

TEST(Burst, IsTheMostWordsWhosePairsFitSixteenBits) {
  for (int u = 0; u <= 255; ++u)
    for (int s = 0; s <= 128; ++s) {
      const int burst = int16_burst(u, s);
      if (u * s == 0) EXPECT_GE(burst, 1);
      else EXPECT_TRUE(burst * 2 * u * s <= 32767 && (burst + 1) * 2 * u * s > 32767) << u << " " << s;
    }
}

struct Gradient {
  Bytes bytes;
  int rows_out, blocks, kh, kw, k, n, row_step, x_row, shift;
  int64_t x_tap;
  Guarded<uint8_t> x, g;
  Guarded<int32_t> before;
};

Gradient any_gradient(Contents& contents, Dot dot, int rows_out, int blocks) {
  const int kh = *rc::gen::inRange(1, 4), kw = *rc::gen::inRange(1, 4), k = 16 * *rc::gen::inRange(1, 5);
  const int n = 8 * *rc::gen::inRange(1, 6), row_step = *rc::gen::inRange(1, 3);
  const int x_row = blocks * k * 4 + *rc::gen::element(0, 5);
  const int64_t x_tap = int64_t((rows_out - 1) * row_step + kh) * x_row + *rc::gen::element(0, 3);
  Gradient g{any_bytes(dot), rows_out, blocks, kh, kw, k, n, row_step, x_row, *rc::gen::inRange(0, 16), x_tap,
             Guarded<uint8_t>(size_t(kw * x_tap), any_offset()),
             Guarded<uint8_t>(size_t(rows_out) * blocks * n * 4, any_offset()),
             Guarded<int32_t>(size_t(kh) * kw * n * k, any_offset())};
  contents.fill(g.before, INT32_MIN, INT32_MAX);
  contents.fill(g.x, 0, g.bytes.max_u);
  contents.fill(reinterpret_cast<int8_t*>(g.g.data()), g.g.size(), -g.bytes.max_s, g.bytes.max_s);
  return g;
}

Guarded<int32_t> weights_gradient(const Gradient& g, Isa isa) {
  Guarded<int32_t> dw = g.before;
  conv_kernels(isa).weights_gradient({g.x.data(), g.x_tap, g.x_row, g.row_step, g.g.data(), g.rows_out, g.blocks, g.kh, g.kw,
                                      g.k, g.n, g.shift, dw.data(), g.bytes.burst},
                                     g.bytes.dot);
  return dw;
}

void require_gradients_equal_scalar(const Gradient& g) {
  const Guarded<int32_t> expected = weights_gradient(g, Isa::scalar);
  for (Isa isa : supported_isas()) require_same(weights_gradient(g, isa), expected, "weights_gradient", isa);
}

TEST(ConvWeightsGradient, EveryInstructionSetEqualsScalar) {
  EXPECT_TRUE(rc::check("any rows, blocks, kernel, channels, stride and shift; u8s8 and u8s8_wide", [] {
    Contents contents = any_contents();
    const Dot dot = *rc::gen::element(Dot::u8s8, Dot::u8s8_wide);
    Gradient g = any_gradient(contents, dot, *rc::gen::inRange(1, 12), *rc::gen::inRange(1, 18));
    if (dot == Dot::u8s8_wide) contents.fill(reinterpret_cast<int8_t*>(g.g.data()), g.g.size(), -128, 127);
    require_gradients_equal_scalar(g);
  }));
}

TEST(ConvWeightsGradient, LongReductionsOfTheLargestOperandsStayExactAtTheLargestBurst) {
  EXPECT_TRUE(rc::check("hundreds of blocks, u = max_u, s = +max_s or -max_s", [] {
    Contents contents = any_contents();
    Gradient g = any_gradient(contents, Dot::u8s8, *rc::gen::inRange(12, 33), *rc::gen::inRange(10, 18));
    g.bytes.burst = int16_burst(g.bytes.max_u, g.bytes.max_s);
    g.shift = 0;
    std::fill_n(g.x.data(), g.x.size(), uint8_t(g.bytes.max_u));
    for (size_t i = 0; i < g.g.size(); ++i) g.g[i] = uint8_t(i / 4 % 2 ? g.bytes.max_s : -g.bytes.max_s);
    const int64_t sum = int64_t(4) * g.rows_out * g.blocks * g.bytes.max_u * g.bytes.max_s;
    for (Isa isa : supported_isas()) {
      const Guarded<int32_t> dw = weights_gradient(g, isa);
      for (size_t i = 0; i < dw.size(); ++i)
        RC_ASSERT(dw[i] == int32_t(uint32_t(uint64_t(g.before[i] + (i / g.k % 2 ? sum : -sum)))));
    }
  }));
}

TEST(ConvSlide, WordsHoldFourNeighboursAndTheLastPixelBeyondIt) {
  EXPECT_TRUE(rc::check("byte j of word c of block b is channel c of pixel min((4 b + j) step, last)", [] {
    Contents contents = any_contents();
    const int channels = 8 * *rc::gen::inRange(1, 17), blocks = *rc::gen::inRange(1, 20);
    const int step = *rc::gen::inRange(1, 4), last = *rc::gen::inRange(0, 4 * blocks * step + 3);
    Guarded<uint8_t> pixels(size_t(last + 1) * channels, any_offset());
    contents.fill(pixels, 0, 255);
    std::vector<uint8_t> expected;
    for (int b = 0; b < blocks; ++b)
      for (int c = 0; c < channels; ++c)
        for (int j = 0; j < 4; ++j) expected.push_back(pixels[size_t(std::min((4 * b + j) * step, last)) * channels + c]);
    for (Isa isa : supported_isas()) {
      Guarded<uint8_t> out(expected.size(), any_offset());
      conv_kernels(isa).slide({pixels.data(), step, last, blocks, channels, out.data()});
      require_same(out, expected, "slide", isa);
    }
  }));
}

/// A convolution of one image: codes in [y][x][channel] and weights [co][tap][ci], and what its products must be.
struct Convolution {
  int kh, kw, stride, pad, h, w, ci, co, out_h, out_w, bits;
  bool is_signed;
  std::vector<int> x, weight, g;

  int at_x(int y, int column, int c) const {
    return y < 0 || column < 0 || y >= h || column >= w ? 0 : x[(size_t(y) * w + column) * ci + c];
  }
  int at_g(int y, int column, int c) const { return g[(size_t(y) * out_w + column) * co + c]; }
  int at_weight(int n, int tap, int c) const { return weight[(size_t(n) * kh * kw + tap) * ci + c]; }

  int64_t forward(int y, int column, int n) const {
    int64_t sum = 0;
    for (int tap = 0; tap < kh * kw; ++tap)
      for (int c = 0; c < ci; ++c)
        sum += int64_t(at_x(y * stride - pad + tap / kw, column * stride - pad + tap % kw, c)) * at_weight(n, tap, c);
    return sum;
  }
  /// d(sum of g y) / dx and / dweight, by the places that the forward product reads.
  std::vector<int64_t> input_gradient() const {
    std::vector<int64_t> dx(x.size(), 0);
    for_each_pair([&](int y, int column, int n, int tap, int iy, int ix) {
      for (int c = 0; c < ci; ++c) dx[(size_t(iy) * w + ix) * ci + c] += int64_t(at_g(y, column, n)) * at_weight(n, tap, c);
    });
    return dx;
  }
  std::vector<int64_t> weight_gradient() const {
    std::vector<int64_t> dw(weight.size(), 0);
    for_each_pair([&](int y, int column, int n, int tap, int iy, int ix) {
      for (int c = 0; c < ci; ++c)
        dw[(size_t(n) * kh * kw + tap) * ci + c] += int64_t(at_g(y, column, n)) * at_x(iy, ix, c);
    });
    return dw;
  }

 private:
  template <class Body>
  void for_each_pair(Body body) const {
    for (int y = 0; y < out_h; ++y)
      for (int column = 0; column < out_w; ++column)
        for (int tap = 0; tap < kh * kw; ++tap) {
          const int iy = y * stride - pad + tap / kw, ix = column * stride - pad + tap % kw;
          if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue;
          for (int n = 0; n < co; ++n) body(y, column, n, tap, iy, ix);
        }
  }
};

Convolution any_convolution() {
  Convolution v;
  v.kh = *rc::gen::inRange(1, 6), v.kw = *rc::gen::inRange(1, 6), v.stride = *rc::gen::element(1, 2);
  v.pad = *rc::gen::inRange(0, std::min(v.kh, v.kw));
  v.h = *rc::gen::inRange(v.kh, v.kh + 5), v.w = *rc::gen::inRange(v.kw, v.kw + 9);
  v.ci = *rc::gen::inRange(1, 41), v.co = *rc::gen::inRange(1, 41);
  v.out_h = (v.h + 2 * v.pad - v.kh) / v.stride + 1, v.out_w = (v.w + 2 * v.pad - v.kw) / v.stride + 1;
  v.bits = *rc::gen::element(2, 3, 4, 5, 6, 7, 8);
  v.is_signed = *rc::gen::arbitrary<bool>();
  Contents contents = any_contents();
  const int top = (1 << (v.bits - 1)) - 1;
  v.x.resize(size_t(v.h) * v.w * v.ci), v.weight.resize(size_t(v.co) * v.kh * v.kw * v.ci);
  v.g.resize(size_t(v.out_h) * v.out_w * v.co);
  contents.fill(v.x, v.is_signed ? -top : 0, v.is_signed ? top : 2 * top + 1);
  contents.fill(v.weight, -top, top);
  contents.fill(v.g, -top, top);
  return v;
}

/// An image in a frame of zeros, [h][w][channels] of u8 with zero point or of s16, channels filled up to whole words.
struct Operand {
  int h, w, channels, zero;
  bool is_wide;
  std::vector<uint8_t> bytes;

  Operand(int height, int width, int round_to, int c, int zero_point, bool wide)
      : h(height), w(width), channels((c + round_to - 1) / round_to * round_to), zero(wide ? 0 : zero_point), is_wide(wide),
        bytes(size_t(h) * w * pixel_bytes(), uint8_t(zero)) {}
  int pixel_bytes() const { return channels * (is_wide ? 2 : 1); }
  uint8_t* pixel(int y, int x) { return bytes.data() + (size_t(y) * w + x) * pixel_bytes(); }
  void put(int y, int x, int c, int value) {
    const int16_t both = int16_t(value);
    if (is_wide) std::memcpy(pixel(y, x) + 2 * c, &both, 2);
    else pixel(y, x)[c] = uint8_t(value + zero);
  }
};

/// The row product over a whole frame: out[y][x][n] for x, y in steps of `stride`, with weight(tap, reduced, n).
template <class Weight>
std::vector<int32_t> row_products(Operand& a, int kh, int kw, int stride, int out_h, int out_w, int reduced, int outputs,
                                  Dot dot, int burst, Weight weight) {
  const int per_word = a.is_wide ? 2 : 4, k = a.channels / per_word, n16 = (outputs + 15) / 16 * 16;
  std::vector<uint8_t> w(size_t(kh) * kw * k * n16 * 4, 0);
  std::vector<int32_t> init(n16, 0), offset, out(size_t(out_h) * out_w * n16);
  for (int tap = 0; tap < kh * kw; ++tap) {
    offset.push_back(int32_t(a.pixel(tap / kw, tap % kw) - a.bytes.data()));
    for (int r = 0; r < reduced; ++r)
      for (int n = 0; n < outputs; ++n) {
        const int16_t v = int16_t(weight(tap, r, n));
        std::memcpy(w.data() + ((size_t(tap) * k + r / per_word) * n16 + n) * 4 + r % per_word * (4 / per_word), &v,
                    size_t(4 / per_word));  // little-endian: a byte's code is the low half
        init[n] -= a.zero * v;
      }
  }
  for (int y = 0; y < out_h; ++y)
    conv_kernels(Isa::scalar).row({a.pixel(y * stride, 0), offset.data(), kh * kw, k, stride * a.pixel_bytes(), out_w,
                                   w.data(), n16, init.data(), out.data() + size_t(y) * out_w * n16, burst}, dot);
  return out;
}

/// The dot that the header asks for: bytes where they fit, narrow pairs where these fit.
Bytes choose(int max_u, int max_s, bool wide) {
  const int burst = int16_burst(max_u, max_s);
  return {wide ? Dot::s16 : burst > 0 ? Dot::u8s8 : Dot::u8s8_wide, max_u, max_s, burst};
}

TEST(ConvScalar, ForwardIsTheConvolution) {
  EXPECT_TRUE(rc::check("y = sum over taps and channels x w, with a zero point taken out by the start values", [] {
    const Convolution v = any_convolution();
    const bool wide = *rc::gen::arbitrary<bool>();
    const int top = (1 << (v.bits - 1)) - 1;
    Operand a(v.h + 2 * v.pad, v.w + 2 * v.pad, wide ? 2 : 4, v.ci, v.is_signed ? top + 1 : 0, wide);
    for (int y = 0; y < v.h; ++y)
      for (int x = 0; x < v.w; ++x)
        for (int c = 0; c < v.ci; ++c) a.put(y + v.pad, x + v.pad, c, v.at_x(y, x, c));
    const Bytes b = choose(2 * top + 1, top, wide);
    const std::vector<int32_t> out = row_products(a, v.kh, v.kw, v.stride, v.out_h, v.out_w, v.ci, v.co, b.dot, b.burst,
                                                  [&](int tap, int c, int n) { return v.at_weight(n, tap, c); });
    const int n16 = (v.co + 15) / 16 * 16;
    for (int y = 0; y < v.out_h; ++y)
      for (int x = 0; x < v.out_w; ++x)
        for (int n = 0; n < v.co; ++n) RC_ASSERT(out[(size_t(y) * v.out_w + x) * n16 + n] == v.forward(y, x, n));
  }));
}

TEST(ConvScalar, BackwardDataIsTheSameProductOnTheDilatedGradientAndFlippedWeights) {
  EXPECT_TRUE(rc::check("dx[p] = sum over the outputs that read p of g w", [] {
    const Convolution v = any_convolution();
    const bool wide = *rc::gen::arbitrary<bool>();
    const int top = (1 << (v.bits - 1)) - 1, taps = v.kh * v.kw;
    Operand a(v.h + v.kh - 1, v.w + v.kw - 1, wide ? 2 : 4, v.co, top, wide);
    for (int y = 0; y < v.out_h; ++y)
      for (int x = 0; x < v.out_w; ++x)
        for (int n = 0; n < v.co; ++n)
          a.put(y * v.stride + v.kh - 1 - v.pad, x * v.stride + v.kw - 1 - v.pad, n, v.at_g(y, x, n));
    const Bytes b = choose(2 * top, top, wide);
    const std::vector<int32_t> out = row_products(a, v.kh, v.kw, 1, v.h, v.w, v.co, v.ci, b.dot, b.burst,
                                                  [&](int tap, int n, int c) { return v.at_weight(n, taps - 1 - tap, c); });
    const std::vector<int64_t> expected = v.input_gradient();
    const int c16 = (v.ci + 15) / 16 * 16;
    for (size_t i = 0; i < expected.size(); ++i) RC_ASSERT(out[i / v.ci * c16 + i % v.ci] == expected[i]);
  }));
}

TEST(ConvScalar, SlideAndWeightsGradientAreTheWeightGradient) {
  EXPECT_TRUE(rc::check("dw[tap][n][k] grows by 2^shift sum over p x g", [] {
    const Convolution v = any_convolution();
    const int top = (1 << (v.bits - 1)) - 1, zero = v.is_signed ? top + 1 : 0, shift = *rc::gen::inRange(0, 8);
    const int k16 = (v.ci + 15) / 16 * 16, n8 = (v.co + 7) / 8 * 8, blocks = (v.out_w + 3) / 4, taps = v.kh * v.kw;
    const ConvKernels& kernels = conv_kernels(Isa::scalar);
    Operand image(v.h + 2 * v.pad, v.w + 2 * v.pad, 16, v.ci, zero, false), row(1, 4 * blocks, 8, v.co, 0, false);
    for (int y = 0; y < v.h; ++y)
      for (int x = 0; x < v.w; ++x)
        for (int c = 0; c < v.ci; ++c) image.put(y + v.pad, x + v.pad, c, v.at_x(y, x, c));
    const int x_row = blocks * k16 * 4;
    std::vector<uint8_t> x(size_t(v.kw) * image.h * x_row), g(size_t(v.out_h) * blocks * n8 * 4);
    for (int dx = 0; dx < v.kw; ++dx)
      for (int y = 0; y < image.h; ++y)
        kernels.slide({image.pixel(y, dx), v.stride, image.w - 1 - dx, blocks, k16, x.data() + (size_t(dx) * image.h + y) * x_row});
    std::vector<int64_t> g_sum(v.co, 0);
    for (int y = 0; y < v.out_h; ++y) {
      for (int column = 0; column < v.out_w; ++column)
        for (int n = 0; n < v.co; ++n) row.put(0, column, n, v.at_g(y, column, n)), g_sum[n] += v.at_g(y, column, n);
      kernels.slide({row.bytes.data(), 1, 4 * blocks - 1, blocks, n8, g.data() + size_t(y) * blocks * n8 * 4});
    }
    std::vector<int32_t> dw(size_t(taps) * n8 * k16, 1000);
    const Bytes b = choose(2 * top + 1, top, false);
    kernels.weights_gradient({x.data(), int64_t(image.h) * x_row, x_row, v.stride, g.data(), v.out_h, blocks, v.kh, v.kw, k16,
                              n8, shift, dw.data(), b.burst}, b.dot);
    const std::vector<int64_t> expected = v.weight_gradient();
    for (int n = 0; n < v.co; ++n)
      for (int tap = 0; tap < taps; ++tap)
        for (int c = 0; c < v.ci; ++c)
          RC_ASSERT(dw[(size_t(tap) * n8 + n) * k16 + c] ==
                    1000 + (expected[(size_t(n) * taps + tap) * v.ci + c] + zero * g_sum[n]) * (int64_t{1} << shift));
  }));
}

}  // namespace
}  // namespace subbyte
