// The three products of a convolution from the operand builders to their sums, as the layers use them, on every instruction
// set and against plain loops. Kernels of any height and width, so that rows and columns cannot be confused.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>

#include "kernels/period.h"
#include "nn/integer/grid.h"
#include "nn/integer/operands.h"
#include "nn/integer/phases.h"

namespace subbyte {
namespace {

NetworkConfig some_config() {
  NetworkConfig config;
  config.model.nodes.resize(1);
  return config;
}

/// Images, weights and gradients as codes, and shifts of their channels.
struct Convolution {
  ProductShape s;
  int a_bits, g_bits, images;
  bool is_signed;
  std::vector<std::vector<int>> x, g;  // [image][y][x][channel]
  WeightCodes w;                       // [co][tap][ci]
  std::vector<int32_t> left_in, left_out;

  int at_x(int image, int y, int column, int c) const {
    if (y < 0 || column < 0 || y >= s.in.h || column >= s.in.w) return 0;
    return x[image][(size_t(y) * s.in.w + column) * s.in.c + c];
  }
  int at_w(int n, int tap, int c) const { return w.code[(size_t(n) * s.taps() + tap) * s.in.c + c]; }
  int at_g(int image, int y, int column, int n) const { return g[image][(size_t(y) * s.out.w + column) * s.out.c + n]; }
  int zero() const { return is_signed ? 1 << (a_bits - 1) : 0; }
  int top_x() const { return is_signed ? zero() - 1 : (1 << a_bits) - 1; }
};

std::vector<int> random_codes(std::mt19937& random, int64_t count, int low, int high) {
  std::uniform_int_distribution<int> code(low, high);
  std::vector<int> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(code(random));
  return all;
}

Convolution any_convolution() {
  Convolution v;
  ProductShape& s = v.s;
  s.kh = *rc::gen::inRange(1, 6), s.kw = *rc::gen::inRange(1, 6);
  s.stride = *rc::gen::element(1, 1, 2, 2, 3);
  s.pad = *rc::gen::inRange(0, std::min(s.kh, s.kw));
  s.in = {*rc::gen::inRange(s.kh, s.kh + 6), *rc::gen::inRange(s.kw, s.kw + 11), *rc::gen::inRange(1, 41)};
  s.out = {(s.in.h + 2 * s.pad - s.kh) / s.stride + 1, (s.in.w + 2 * s.pad - s.kw) / s.stride + 1, *rc::gen::inRange(1, 71)};
  const auto bits = [] { return *rc::gen::inRange(2, 9); };
  v.a_bits = bits(), v.g_bits = bits(), v.w.bits = bits();
  v.is_signed = *rc::gen::arbitrary<bool>();
  v.images = *rc::gen::inRange(1, 4);
  std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
  const int top_g = top_code(v.g_bits, true), top_w = top_code(v.w.bits, true);
  for (int i = 0; i < v.images; ++i) {
    v.x.push_back(random_codes(random, s.in.elements(), v.is_signed ? -v.top_x() : 0, v.top_x()));
    v.g.push_back(random_codes(random, s.out.elements(), -top_g, top_g));
  }
  for (int code : random_codes(random, int64_t(s.out.c) * s.taps() * s.in.c, -top_w, top_w)) v.w.code.push_back(int8_t(code));
  const int most = *rc::gen::inRange(0, 4);
  v.left_in = random_codes(random, s.in.c, 0, most);
  v.left_out = random_codes(random, s.out.c, 0, most);
  return v;
}

/// An image of X as a layer finds it.
Codes packed_image(const Context& ctx, const Convolution& v, int image) {
  Codes codes;
  codes.bits = v.a_bits;
  codes.zero = v.zero();
  codes.image_bytes = packed_bytes(v.s.in.elements(), v.a_bits);
  codes.packed.resize(size_t(codes.image_bytes));
  std::vector<uint8_t> bytes;
  for (int code : v.x[image]) bytes.push_back(uint8_t(code + codes.zero));
  ctx.quantize.pack(bytes.data(), int64_t(bytes.size()), codes.bits, codes.packed.data());
  return codes;
}

std::vector<int8_t> gradient_codes(const Convolution& v, int image) { return {v.g[image].begin(), v.g[image].end()}; }

int64_t narrowed(int64_t sum, int shift) {
  return std::clamp<int64_t>(shift ? (sum + (int64_t{1} << (shift - 1))) >> shift : sum, -stream_limit, stream_limit);
}

/// Runs a product over a whole padded image into y, whose pixel (0, 0) is `y`.
void run(Isa isa, PaddedImage& image, const std::vector<int32_t>& offset, const PackedWeights& packed, size_t set, int step,
         int rows, int pixels, int shift, int channels, int16_t* y, int64_t y_pixel, int64_t y_row) {
  const std::vector<int32_t> init = packed.init(set);
  std::vector<int32_t> low(packed.outputs, INT32_MAX), high(packed.outputs, INT32_MIN);
  const TapRuns taps = merge_taps(offset, packed.words);
  conv_kernels(isa).product({image.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words,
                             step * image.pixel_bytes, step * image.row_bytes(), rows, pixels,
                             packed.bytes.data() + packed.sets[set].offset, packed.outputs, init.data(), packed.burst, shift,
                             channels, y, y_pixel, y_row, nullptr, low.data(), high.data()},
                            packed.dot);
}

TEST(Convolution, ForwardIsTheSumOfShiftedCodesTimesWeights) {
  EXPECT_TRUE(rc::check("y = narrow(sum over taps and channels of x 2^left w)", [] {
    const Convolution v = any_convolution();
    const ProductShape& s = v.s;
    const int shift = *rc::gen::inRange(0, 12);
    const Context ctx(some_config());
    const PackedWeights packed = pack_forward(v.w, s, v.left_in, v.zero(), (1 << v.a_bits) - 1);
    PaddedImage image;
    Buffer<uint8_t> scratch;
    for (int i = 0; i < v.images; ++i) {
      const Codes codes = packed_image(ctx, v, i);
      image.shape(s.in.h + 2 * s.pad, s.in.w + 2 * s.pad, s.pad, s.pad, packed.words * 4, uint8_t(packed.zero));
      place_codes(ctx, codes, 0, s.in, packed.dot == Dot::s16, scratch, image);
      std::vector<int32_t> offset;
      for (int tap = 0; tap < s.taps(); ++tap)
        offset.push_back(tap / s.kw * image.row_bytes() + tap % s.kw * image.pixel_bytes);
      std::vector<int16_t> expected;
      for (int y = 0; y < s.out.h; ++y)
        for (int x = 0; x < s.out.w; ++x)
          for (int n = 0; n < s.out.c; ++n) {
            int64_t sum = 0;
            for (int tap = 0; tap < s.taps(); ++tap)
              for (int c = 0; c < s.in.c; ++c)
                sum += int64_t(v.at_x(i, y * s.stride - s.pad + tap / s.kw, x * s.stride - s.pad + tap % s.kw, c)) *
                       v.at_w(n, tap, c) * (1 << v.left_in[c]);
            expected.push_back(int16_t(narrowed(sum, shift)));
          }
      for (Isa isa : supported_isas()) {
        std::vector<int16_t> y(expected.size());
        run(isa, image, offset, packed, 0, s.stride, s.out.h, s.out.w, shift, s.out.c, y.data(), s.out.c,
            int64_t(s.out.w) * s.out.c);
        RC_ASSERT(y == expected);
      }
    }
  }));
}

TEST(Convolution, BackwardDataIsTheSumOverTheOutputsThatReadAPixel) {
  EXPECT_TRUE(rc::check("dx = narrow(sum of g 2^left w), a product for each phase of the stride", [] {
    const Convolution v = any_convolution();
    const ProductShape& s = v.s;
    const int shift = *rc::gen::inRange(0, 12);
    const Context ctx(some_config());
    const BackwardPhases phases = backward_phases(s);
    std::vector<std::vector<int>> sets;
    for (const Phase2d& phase : phases.phases) sets.push_back(phase.taps);
    const PackedWeights packed = pack_backward(v.w, s, v.left_out, v.g_bits, sets);
    std::vector<int> factors;
    for (int by : packed.operand_shift) factors.push_back(1 << by);
    Buffer<uint8_t> factor;
    repeat_channels(factors.data(), s.out.c, factor);
    PaddedImage image;
    for (int i = 0; i < v.images; ++i) {
      image.shape(phases.height, phases.width, phases.top, phases.left, packed.words * 4, uint8_t(packed.zero));
      place_gradient(ctx, gradient_codes(v, i).data(), s.out, packed.dot == Dot::s16, factor, uint8_t(packed.zero), image);
      std::vector<int64_t> sums(size_t(s.in.elements()), 0);
      for (int y = 0; y < s.out.h; ++y)
        for (int x = 0; x < s.out.w; ++x)
          for (int tap = 0; tap < s.taps(); ++tap) {
            const int iy = y * s.stride - s.pad + tap / s.kw, ix = x * s.stride - s.pad + tap % s.kw;
            if (iy < 0 || ix < 0 || iy >= s.in.h || ix >= s.in.w) continue;
            for (int n = 0; n < s.out.c; ++n)
              for (int c = 0; c < s.in.c; ++c)
                sums[(size_t(iy) * s.in.w + ix) * s.in.c + c] +=
                    int64_t(v.at_g(i, y, x, n)) * v.at_w(n, tap, c) * (1 << v.left_out[n]);
          }
      std::vector<int16_t> expected;
      for (int64_t sum : sums) expected.push_back(int16_t(narrowed(sum, shift)));
      for (Isa isa : supported_isas()) {
        std::vector<int16_t> dx(expected.size(), 12345);  // every element is one phase's
        const int64_t row = int64_t(s.in.w) * s.in.c;
        for (size_t set = 0; set < sets.size(); ++set) {
          const Phase2d& phase = phases.phases[set];
          std::vector<int32_t> offset;
          for (size_t tap = 0; tap < phase.taps.size(); ++tap)
            offset.push_back(phase.row[tap] * image.row_bytes() + phase.column[tap] * image.pixel_bytes);
          run(isa, image, offset, packed, set, 1, phase.rows, phase.columns, shift, s.in.c,
              dx.data() + phase.y * row + phase.x * s.in.c, int64_t(s.stride) * s.in.c, s.stride * row);
        }
        RC_ASSERT(dx == expected);
      }
    }
  }));
}

TEST(Convolution, BackwardWeightsIsTheSumOverImagesAndPixels) {
  EXPECT_TRUE(rc::check("dw = sum of 2^shift x g, with the zero point's share", [] {
    const Convolution v = any_convolution();
    const ProductShape& s = v.s;
    const Context ctx(some_config());
    GradientOperands o;
    Buffer<uint8_t> scratch;
    o.shape(s, *rc::gen::arbitrary<bool>(), v.images, uint8_t(v.zero()));
    std::vector<int> shift;
    for (int i = 0; i < v.images; ++i) shift.push_back(*rc::gen::inRange(0, 6));
    std::sort(shift.rbegin(), shift.rend());
    for (int i = 0; i < v.images; ++i) {
      o.load_x(ctx, packed_image(ctx, v, i), 0, i, scratch);
      o.load_g(ctx, gradient_codes(v, i).data(), i);
    }
    std::vector<int32_t> expected(size_t(s.taps()) * o.k * o.n, 0);
    for (int i = 0; i < v.images; ++i)
      for (int y = 0; y < s.out.h; ++y)
        for (int x = 0; x < s.out.w; ++x)
          for (int tap = 0; tap < s.taps(); ++tap)
            for (int c = 0; c < s.in.c; ++c) {
              const int code = v.at_x(i, y * s.stride - s.pad + tap / s.kw, x * s.stride - s.pad + tap % s.kw, c) + v.zero();
              for (int n = 0; n < s.out.c; ++n)
                expected[(size_t(tap) * o.k + c) * o.n + n] += code * v.at_g(i, y, x, n) * (1 << shift[i]);
            }
    const int burst = int16_burst((1 << v.a_bits) - 1, top_code(v.g_bits, true)), panels = (o.n + 31) / 32;
    for (Isa isa : supported_isas()) {
      Buffer<int32_t> dw(expected.size());
      for (int panel = 0; panel < panels; ++panel)  // as threads share them
        conv_kernels(isa).weights_gradient({o.x.data(), o.x_image, o.x_channel, o.x_row, s.stride, o.column_offset.data(),
                                            o.g.data(), o.g_image, o.g_panel, shift.data(), v.images, s.out.h, o.blocks, s.kh,
                                            s.kw, o.k, o.n, burst, panel, panel + 1, dw.data()},
                                           burst > 0 ? Dot::u8s8 : Dot::u8s8_wide);
      for (int tap = 0; tap < s.taps(); ++tap)
        for (int c = 0; c < s.in.c; ++c)
          for (int n = 0; n < o.n; ++n) {
            const size_t at = (size_t(tap) * o.k + c) * o.n + n;
            RC_ASSERT(dw[at] == expected[at]);
          }
    }
  }));
}

}  // namespace
}  // namespace subbyte
