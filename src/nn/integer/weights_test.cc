// Weight codes, and what the packed forms of them multiply to.
#include "nn/integer/weights.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "base/error.h"
#include "nn/integer/grid.h"

namespace subbyte {
namespace {

Param random_param(int outputs, int taps, int inputs, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Param p;
  p.name = "layer.weight";
  p.shape = {outputs, taps, inputs};
  for (int n = 0; n < outputs; ++n)
    for (int i = 0; i < taps * inputs; ++i) p.value.push_back(std::ldexp(normal(random), -int(n % 4)));
  return p;
}

TEST(WeightCodes, AreTheNearestOfTheirRowsGrid) {
  EXPECT_TRUE(rc::check("codes are within half a step, shifts are those of the rows' ranges", [] {
    const int outputs = *rc::gen::inRange(1, 10), taps = *rc::gen::inRange(1, 4), inputs = *rc::gen::inRange(1, 10);
    const int bits = *rc::gen::inRange(2, 9), groups = *rc::gen::inRange(1, 9);
    const Param p = random_param(outputs, taps, inputs, *rc::gen::arbitrary<uint16_t>());
    const WeightCodes w = quantize_weights(p, bits, groups, 0);
    const int row = taps * inputs, top = (1 << (bits - 1)) - 1;
    double whole = 0;
    for (const float v : p.value) whole = std::max(whole, double(std::fabs(v)));
    RC_ASSERT(w.scale == whole / top);
    for (int n = 0; n < outputs; ++n) {
      double range = 0;
      for (int i = 0; i < row; ++i) range = std::max(range, double(std::fabs(p.value[n * row + i])));
      const int shift = w.shift[n];
      RC_ASSERT(shift >= 0 && shift < groups);
      RC_ASSERT(std::ldexp(range, shift) <= whole);                               // nothing clips
      RC_ASSERT(shift == groups - 1 || std::ldexp(range, shift + 1) > whole);     // and no finer group would do
      const double step = std::ldexp(w.scale, -shift);
      for (int i = 0; i < row; ++i) {
        RC_ASSERT(std::abs(w.code[n * row + i]) <= top);
        RC_ASSERT(std::fabs(p.value[n * row + i] - step * w.code[n * row + i]) <= step * (0.5 + 1e-9));
      }
    }
  }));
}

TEST(WeightCodes, AreTheNearestOfTheirFiltersGrid) {
  EXPECT_TRUE(rc::check("a filter has the finest grid of its row that reaches its largest weight", [] {
    const int outputs = *rc::gen::inRange(1, 6), taps = *rc::gen::element(9, 25), inputs = *rc::gen::inRange(1, 40);
    const int bits = *rc::gen::inRange(2, 8), most_shift = *rc::gen::inRange(1, 9 - bits), top = (1 << (bits - 1)) - 1;
    const int groups = *rc::gen::element(0, 1, 4);
    Param p = random_param(outputs, taps, inputs, *rc::gen::arbitrary<uint16_t>());
    for (size_t i = 0; i < p.value.size(); ++i) p.value[i] *= float(1 + i % size_t(inputs) % 5);
    const WeightCodes w = quantize_weights(p, bits, groups, 0, {taps, most_shift});
    RC_ASSERT(w.operand_bits() == bits + most_shift);
    for (int n = 0; n < outputs; ++n) {
      const double step = std::ldexp(w.scale * w.channel_scale[n], -w.shift[n]);
      for (int c = 0; c < inputs; ++c) {
        const auto at = [&](int tap) { return size_t((n * taps + tap) * inputs + c); };
        double most = 0;
        for (int tap = 0; tap < taps; ++tap) most = std::max(most, double(std::fabs(p.value[at(tap)])));
        int u = 0;
        while (most > (top + 0.5) * std::ldexp(step, u) * (1 + 1e-12)) ++u;
        RC_ASSERT(u <= most_shift);
        for (int tap = 0; tap < taps; ++tap) {
          const int code = w.code[at(tap)];
          RC_ASSERT(code % (1 << u) == 0 && std::abs(code) <= top << u);
          RC_ASSERT(std::fabs(p.value[at(tap)] - step * code) <= std::ldexp(step, u) * (0.5 + 1e-9));
        }
      }
    }
  }));
}

TEST(WeightCodes, FiltersHaveShiftsWhereThereAreTapsAndRoom) {
  QuantConfig q;
  const auto most = [&q](int bits, int taps) { return filter_shifts(q, bits, taps).most_shift; };
  EXPECT_EQ(most(4, 9), 1);
  EXPECT_EQ(most(2, 9), 1);
  EXPECT_EQ(most(5, 9), 0);
  EXPECT_EQ(most(4, 1), 0);
  q.filter_groups_w = 7;
  EXPECT_EQ(most(4, 9), 4);
  EXPECT_EQ(most(7, 9), 1);
  EXPECT_EQ(most(8, 9), 0);
  q.filter_groups_w = 1;
  EXPECT_EQ(most(4, 9), 0);
}

TEST(WeightCodes, TiesGoToTheEvenCode) {
  Param p;
  p.shape = {1, 10};
  p.value = {127, 0.5f, 1.5f, 2.5f, 3.5f, -0.5f, -1.5f, -2.5f, 125.5f, 126.5f};  // scale 1 at 8 bits
  EXPECT_EQ(quantize_weights(p, 8, 1, 0).code, (std::vector<int8_t>{127, 0, 2, 2, 4, 0, -2, -2, 126, 126}));
}

TEST(WeightCodes, ClippingLimitsTheRangeToRootMeanSquares) {
  Param p;
  p.shape = {1, 4};
  p.value = {1, -1, 1, 9};  // root mean square sqrt(21)
  const WeightCodes w = quantize_weights(p, 4, 1, 1.5f);
  EXPECT_DOUBLE_EQ(w.scale, 1.5 * std::sqrt(21) / 7);
  EXPECT_EQ(w.code, (std::vector<int8_t>{1, -1, 1, 7}));
}

TEST(WeightCodes, AllZeroAndNotFinite) {
  Param p = random_param(3, 1, 5, 1);
  p.value.assign(p.value.size(), 0.0f);
  const WeightCodes w = quantize_weights(p, 4, 4, 0);
  EXPECT_EQ(w.code, std::vector<int8_t>(15, 0));
  EXPECT_TRUE(std::isfinite(w.scale) && w.scale > 0);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    p.value[7] = bad;
    try {
      quantize_weights(p, 4, 4, 0);
      FAIL();
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "parameter 'layer.weight': found a value that is not finite");
    }
  }
}

/// What a first operand of `value` at (position, row) of a set of taps, and zero elsewhere, multiplies to: one pixel's sums
/// are both of their extremes.
std::vector<int32_t> product_with_one(const PackedWeights& packed, size_t set, int positions, int position, int row,
                                      int value) {
  const bool words = packed.dot == Dot::s16;
  std::vector<uint8_t> a(size_t(positions) * packed.words * 4 + 64, uint8_t(words ? 0 : packed.zero));
  uint8_t* at = a.data() + size_t(position) * packed.words * 4;
  if (words) reinterpret_cast<int16_t*>(at)[row] = int16_t(value);
  else at[row] = uint8_t(packed.zero + value);
  std::vector<int32_t> offsets, low(packed.outputs, INT32_MAX), high(packed.outputs, INT32_MIN);
  std::vector<int16_t> y(packed.outputs);
  for (int i = 0; i < positions; ++i) offsets.push_back(i * packed.words * 4);
  const std::vector<int32_t> init = packed.init(set);
  conv_kernels(Isa::scalar).product({a.data(), offsets.data(), positions, packed.words, packed.words * 4, 0, 1, 1,
                                     packed.bytes.data() + packed.sets[set].offset, packed.outputs, init.data(), packed.burst,
                                     0, packed.outputs, y.data(), 0, 0, nullptr, low.data(), high.data()},
                                    packed.dot);
  RC_ASSERT(low == high);
  return low;
}

struct Packing {
  ProductShape shape;
  WeightCodes w;
  std::vector<int32_t> left;
};

Packing any_packing(int bits, bool backward) {
  Packing p;
  p.shape.kh = *rc::gen::element(1, 2, 3);
  p.shape.kw = *rc::gen::element(1, 3);
  p.shape.in = {4, 4, *rc::gen::inRange(1, 21)};
  p.shape.out = {4, 4, *rc::gen::inRange(1, 21)};
  const unsigned seed = *rc::gen::arbitrary<uint16_t>();
  const FilterShifts filters{p.shape.taps(), *rc::gen::inRange(0, 9 - bits)};
  p.w = quantize_weights(random_param(p.shape.out.c, p.shape.taps(), p.shape.in.c, seed), bits, 1, 0, filters);
  const int most = *rc::gen::inRange(0, 7);
  for (int r = 0; r < (backward ? p.shape.out.c : p.shape.in.c); ++r) p.left.push_back(*rc::gen::inRange(0, most + 1));
  return p;
}

TEST(PackedWeights, ForwardMultipliesByTheShiftedCodeOfEachTapAndChannel) {
  EXPECT_TRUE(rc::check("a one at (tap, channel) gives that row of codes, shifted", [] {
    const int bits = *rc::gen::inRange(2, 9), a_bits = *rc::gen::inRange(2, 9);
    const bool is_signed = *rc::gen::arbitrary<bool>();
    const Packing p = any_packing(bits, false);
    const int zero = is_signed ? 1 << (a_bits - 1) : 0;
    const PackedWeights packed = pack_forward(p.w, p.shape, p.left, zero, (1 << a_bits) - 1);
    RC_ASSERT(packed.outputs % 16 == 0 && packed.outputs >= p.shape.out.c);
    RC_ASSERT(packed.sets.size() == 1u && packed.sets[0].offset == 0);
    RC_ASSERT(packed.dot != Dot::s16 || p.w.operand_bits() + *std::max_element(p.left.begin(), p.left.end()) > 8);
    const int taps = p.shape.taps(), rows = p.shape.in.c;
    for (int tap = 0; tap < taps; ++tap)
      for (int r = 0; r < rows; ++r) {
        const std::vector<int32_t> out = product_with_one(packed, 0, taps, tap, r, 1);
        for (int n = 0; n < packed.outputs; ++n) {
          const int code = n < p.shape.out.c ? p.w.code[(size_t(n) * taps + tap) * rows + r] : 0;
          RC_ASSERT(out[n] == code * (1 << p.left[r]));
        }
      }
  }));
}

/// Any sets of the kernel's taps, each in any order; also none, as a phase that no tap meets.
std::vector<std::vector<int>> any_sets(int taps) {
  std::vector<std::vector<int>> sets(*rc::gen::inRange<size_t>(1, 10));
  std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
  std::vector<int> order(taps);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  for (int tap : order) sets[random() % sets.size()].push_back(tap);
  return sets;
}

TEST(PackedWeights, BackwardMultipliesByTheShiftedCodeOfEachTapOfASet) {
  EXPECT_TRUE(rc::check("a gradient of one at (position, output) of a set gives the codes of its tap, shifted", [] {
    const int bits = *rc::gen::inRange(2, 9), g_bits = *rc::gen::inRange(2, 9);
    const Packing p = any_packing(bits, true);
    const std::vector<std::vector<int>> sets = any_sets(p.shape.taps());
    const PackedWeights packed = pack_backward(p.w, p.shape, p.left, g_bits, sets);
    const int taps = p.shape.taps(), columns = p.shape.in.c, top = (1 << (g_bits - 1)) - 1;
    RC_ASSERT(packed.sets.size() == sets.size());
    RC_ASSERT(packed.outputs % 16 == 0 && packed.outputs >= columns);
    for (int r = 0; r < p.shape.out.c; ++r) {
      const int shift = packed.operand_shift[r];
      // The gradient's operand has its place: a byte with zero point, or 16 bits unshifted.
      if (packed.dot == Dot::s16) RC_ASSERT(shift == 0);
      else RC_ASSERT(packed.zero >= top << shift && packed.zero + (top << shift) <= 255);
      for (size_t set = 0; set < sets.size(); ++set)
        for (int i = 0; i < int(sets[set].size()); ++i) {
          const std::vector<int32_t> out = product_with_one(packed, set, int(sets[set].size()), i, r, 1 << shift);
          for (int n = 0; n < packed.outputs; ++n) {
            const int code = n < columns ? p.w.code[(size_t(r) * taps + sets[set][i]) * columns + n] : 0;
            RC_ASSERT(out[n] == code * (1 << p.left[r]));
          }
        }
    }
  }));
}

TEST(PackedWeights, ASetsSumsAreThoseOfItsTapsAlone) {
  EXPECT_TRUE(rc::check("column_sum, and the start values that take the zero point out", [] {
    const Packing p = any_packing(4, true);
    const std::vector<std::vector<int>> sets = any_sets(p.shape.taps());
    const PackedWeights packed = pack_backward(p.w, p.shape, p.left, 4, sets);
    for (size_t set = 0; set < sets.size(); ++set) {
      std::vector<int32_t> sum(packed.outputs, 0), start;
      for (int n = 0; n < p.shape.in.c; ++n)
        for (int tap : sets[set])
          for (int r = 0; r < p.shape.out.c; ++r)
            sum[n] += p.w.code[(size_t(r) * p.shape.taps() + tap) * p.shape.in.c + n] *
                      (1 << (p.left[r] - packed.operand_shift[r]));
      for (const int32_t v : sum) start.push_back(-packed.zero * v);
      RC_ASSERT(packed.sets[set].column_sum == sum);
      RC_ASSERT(packed.init(set) == start);
    }
  }));
}

TEST(PackedWeights, SetsFollowEachOtherWithoutGaps) {
  const ProductShape s{3, 3, 2, 1, {8, 8, 20}, {4, 4, 24}};
  const WeightCodes w = quantize_weights(random_param(24, 9, 20, 4), 4, 1, 0);
  const std::vector<int32_t> left(24, 1);
  const std::vector<std::vector<int>> sets = {{4}, {5, 3}, {}, {7, 1}, {8, 6, 2, 0}};  // of a stride of two, and an empty one
  const PackedWeights packed = pack_backward(w, s, left, 4, sets);
  int64_t bytes = 0;
  for (size_t set = 0; set < sets.size(); ++set) {
    EXPECT_EQ(packed.sets[set].offset, bytes);
    const PackedWeights alone = pack_backward(w, s, left, 4, {sets[set]});
    ASSERT_EQ(alone.bytes.size(), sets[set].size() * packed.words * packed.outputs * 4);
    EXPECT_TRUE(std::equal(alone.bytes.data(), alone.bytes.data() + alone.bytes.size(), packed.bytes.data() + bytes)) << set;
    EXPECT_EQ(packed.sets[set].column_sum, alone.sets[0].column_sum);
    bytes += int64_t(alone.bytes.size());
  }
  EXPECT_EQ(int64_t(packed.bytes.size()), bytes);
}

TEST(PackedWeights, ThreadsAndReusedMemoryDoNotChangeAByte) {
  const ProductShape s{3, 3, 1, 1, {4, 4, 90}, {4, 4, 100}};
  const Param p = random_param(100, 9, 90, 5);
  ThreadPool threads(3);
  const WeightWorkers workers{weight_kernels(selected_isa()), &threads};
  WeightCodes w;
  PackedWeights forward, backward;
  for (const int bits : {8, 4}) {  // int16 words, then bytes in the same memory
    const FilterShifts filters{9, bits == 4 ? 1 : 0};
    const WeightCodes expected = quantize_weights(p, bits, 4, 0, filters);
    quantize_weights(workers, p, bits, 4, 0, filters, w);
    EXPECT_EQ(w.code, expected.code);
    EXPECT_EQ(w.shift, expected.shift);
    EXPECT_EQ(w.scale, expected.scale);
    const auto same = [](const PackedWeights& a, const PackedWeights& b) {
      bool sets = a.sets.size() == b.sets.size();
      for (size_t i = 0; sets && i < a.sets.size(); ++i)
        sets = a.sets[i].offset == b.sets[i].offset && a.sets[i].column_sum == b.sets[i].column_sum;
      return sets && a.dot == b.dot && a.burst == b.burst && a.zero == b.zero && a.words == b.words &&
             a.outputs == b.outputs && a.operand_shift == b.operand_shift && a.bytes.size() == b.bytes.size() &&
             std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
    };
    std::vector<int32_t> left(100);
    for (int r = 0; r < 100; ++r) left[r] = r % 4;
    const std::vector<int32_t> left_in(left.begin(), left.begin() + 90);
    pack_forward(workers, w, s, left_in, 8, 15, forward);
    const std::vector<std::vector<int>> sets = {{8, 6, 2, 0}, {4}, {7, 1}, {5, 3}};
    pack_backward(workers, w, s, left, 4, sets, backward);
    EXPECT_EQ(forward.dot == Dot::s16, bits == 8);
    EXPECT_TRUE(same(forward, pack_forward(w, s, left_in, 8, 15)));
    EXPECT_TRUE(same(backward, pack_backward(w, s, left, 4, sets)));
  }
}

TEST(PackedWeights, TheByteProductIsChosenWhereItHasRoom) {
  const ProductShape s{3, 3, 1, 1, {4, 4, 16}, {4, 4, 16}};
  const WeightCodes w4 = quantize_weights(random_param(16, 9, 16, 3), 4, 1, 0);
  const auto dot = [&](int left, int a_bits) {
    return pack_forward(w4, s, std::vector<int32_t>(16, left), 0, (1 << a_bits) - 1).dot;
  };
  EXPECT_EQ(dot(0, 8), Dot::u8s8);       // 2 * 255 * 7 <= 32767
  EXPECT_EQ(dot(3, 8), Dot::u8s8);       // 2 * 255 * 56 = 28560
  EXPECT_EQ(dot(4, 8), Dot::u8s8_wide);  // 2 * 255 * 112 = 57120
  EXPECT_EQ(dot(4, 4), Dot::u8s8);
  EXPECT_EQ(dot(5, 4), Dot::s16);        // 7 * 32 is no signed byte
}

}  // namespace
}  // namespace subbyte
