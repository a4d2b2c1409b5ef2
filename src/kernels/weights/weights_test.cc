// Weight codes and packed words on every instruction set, element by element.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/test_support.h"
#include "kernels/weights/weights.h"

namespace subbyte {
namespace {

TEST(WeightKernels, RangeIsTheLargestMagnitude) {
  EXPECT_TRUE(rc::check("range = bits of max |value|, on every instruction set", [] {
    Contents contents = any_contents();
    Guarded<float> value(*rc::gen::inRange(1, 300), any_offset());
    float top = 0;
    for (size_t i = 0; i < value.size(); ++i) {
      value[i] = float(std::ldexp(double(contents.uniform(-9999, 9999)), int(contents.uniform(-140, 100))));
      top = std::max(top, std::fabs(value[i]));
    }
    const size_t at = size_t(contents.uniform(0, int64_t(value.size()) - 1));
    Guarded<float> bad = value;
    bad[at] = *rc::gen::element(-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN());
    for (Isa isa : supported_isas()) {
      RC_ASSERT(std::bit_cast<float>(weight_kernels(isa).range(value.data(), int64_t(value.size()))) == top);
      RC_ASSERT(!std::isfinite(std::bit_cast<float>(weight_kernels(isa).range(bad.data(), int64_t(bad.size())))));
    }
  }));
}

TEST(WeightKernels, CodesAreRoundedHalfToEven) {
  EXPECT_TRUE(rc::check("code = nearest even of value * inverse within the top, on every instruction set", [] {
    Contents contents = any_contents();
    Guarded<float> value(*rc::gen::inRange(1, 300), any_offset());
    const int top = (1 << *rc::gen::inRange(1, 8)) - 1;
    const bool halves = *rc::gen::arbitrary<bool>();  // ties, and some beyond the top
    const double inverse = halves ? 1 : contents.uniform(1, 1 << 20) * 0x1p-14;
    std::vector<int> expected;
    for (size_t i = 0; i < value.size(); ++i) {
      value[i] = float(halves ? 0.5 * double(contents.uniform(-300, 300)) : double(contents.uniform(-9999, 9999)) / 1000);
      const double v = std::nearbyint(double(value[i]) * inverse);
      expected.push_back(int(std::min(std::max(v, double(-top)), double(top))));
    }
    for (Isa isa : supported_isas()) {
      Guarded<int8_t> code(value.size(), any_offset());
      weight_kernels(isa).codes(value.data(), int64_t(value.size()), inverse, top, code.data());
      require_same(code, expected, "codes", isa);
    }
  }));
}

TEST(WeightKernels, FiltersHaveTheSmallestShiftThatClipsNothing) {
  EXPECT_TRUE(rc::check("code = q * 2^u, as near as the filter's step allows, on every instruction set", [] {
    Contents contents = any_contents();
    const int taps = *rc::gen::inRange(1, 12), channels = *rc::gen::element(*rc::gen::inRange(1, 71), 16, 64);
    const int bits = *rc::gen::inRange(2, 8), most_shift = *rc::gen::inRange(0, 9 - bits), top = (1 << (bits - 1)) - 1;
    const bool quarters = *rc::gen::arbitrary<bool>();  // ties of every shift, and filters at the borders of theirs
    const double inverse = quarters ? 4 : contents.uniform(1, 1 << 20) * 0x1p-14;
    Guarded<float> value(size_t(taps) * channels, any_offset());
    std::vector<int> expected(value.size());
    for (int c = 0; c < channels; ++c) {
      const double range = (top + 1) * std::ldexp(1.0, int(contents.uniform(-1, most_shift + 1)));
      double most = 0;
      for (int tap = 0; tap < taps; ++tap) {
        const double x = quarters ? 0.5 * double(contents.uniform(int64_t(-2 * range), int64_t(2 * range)))
                                  : range * double(contents.uniform(-9999, 9999)) / 9999;
        value[size_t(tap) * channels + c] = float(x / inverse);
        most = std::max(most, std::fabs(value[size_t(tap) * channels + c] * inverse));
      }
      int u = 0;  // a code of top + 1/2 is as near to top as to what is beyond
      while (u < most_shift && most / (1 << u) - top > 0.5) ++u;
      for (int tap = 0; tap < taps; ++tap) {
        const double v = std::nearbyint(value[size_t(tap) * channels + c] * inverse / (1 << u));
        expected[size_t(tap) * channels + c] = int(std::min(std::max(v, double(-top)), double(top))) * (1 << u);
      }
    }
    for (Isa isa : supported_isas()) {
      Guarded<int8_t> code(value.size(), any_offset());
      weight_kernels(isa).filters(value.data(), taps, channels, inverse, top, most_shift, code.data());
      require_same(code, expected, "filters", isa);
    }
  }));
}

struct Trial {
  int outputs, taps, channels;
  std::vector<int32_t> left, order;
  Contents contents;
  Guarded<int8_t> code;
};

Trial any_trial(bool forward, int most_left) {
  const int outputs = *rc::gen::element(*rc::gen::inRange(1, 71), 16, 64), taps = *rc::gen::inRange(1, 10);
  const int channels = *rc::gen::element(*rc::gen::inRange(1, 71), 16, 64, 130, 515);
  Trial t{outputs, taps, channels, {}, {}, any_contents(), Guarded<int8_t>(size_t(outputs) * taps * channels, any_offset())};
  t.contents.fill(t.code, -7, 7);
  for (int r = 0; r < (forward ? channels : outputs); ++r) t.left.push_back(int(t.contents.uniform(0, most_left)));
  for (int i = *rc::gen::inRange(0, 10); i > 0; --i) t.order.push_back(int(t.contents.uniform(0, taps - 1)));
  return t;
}

template <class Element>
void check_words(bool forward) {
  Trial t = any_trial(forward, sizeof(Element) == 1 ? 4 : 12);
  constexpr int group = 4 / sizeof(Element);
  const int rows = forward ? t.channels : t.outputs, columns = forward ? t.outputs : t.channels;
  const int words = (rows + group - 1) / group, n16 = (columns + 15) / 16 * 16, positions = int(t.order.size());
  std::vector<uint32_t> expected;
  std::vector<int32_t> sums(n16, 0);
  for (int panel = 0; panel < n16; panel += 32)
    for (int tap : t.order)
      for (int w = 0; w < words; ++w)
        for (int n = panel; n < std::min(panel + 32, n16); ++n) {
          Element element[group] = {};
          for (int r = 0; r < group; ++r) {
            const int row = w * group + r, output = forward ? n : row, channel = forward ? row : n;
            if (row >= rows || n >= columns) continue;
            element[r] = Element(t.code[(size_t(output) * t.taps + tap) * t.channels + channel] * (1 << t.left[row]));
            sums[n] += element[r];
          }
          expected.push_back(0);
          std::memcpy(&expected.back(), element, 4);
        }
  const int cut = 16 * *rc::gen::inRange(0, n16 / 16 + 1);  // as two threads would share the columns
  for (Isa isa : supported_isas()) {
    const WeightKernels& k = weight_kernels(isa);
    const auto pack = forward ? (group == 4 ? k.forward_bytes : k.forward_int16)
                              : (group == 4 ? k.backward_bytes : k.backward_int16);
    Guarded<uint32_t> out(expected.size(), any_offset());
    Guarded<int32_t> out_sums(sums.size(), any_offset());
    for (int part = 0; part < 2; ++part)
      pack({t.code.data(), t.outputs, t.taps, t.channels, t.left.data(), t.order.data(), positions, part ? cut : 0,
            part ? n16 : cut, n16, out.data(), out_sums.data()});
    require_same(out, expected, "words", isa);
    require_same(out_sums, sums, "column sums", isa);
  }
}

TEST(WeightKernels, ForwardWordsHoldShiftedInputChannels) {
  EXPECT_TRUE(rc::check("bytes", [] { check_words<int8_t>(true); }));
  EXPECT_TRUE(rc::check("int16", [] { check_words<int16_t>(true); }));
}

TEST(WeightKernels, BackwardWordsHoldShiftedOutputChannels) {
  EXPECT_TRUE(rc::check("bytes", [] { check_words<int8_t>(false); }));
  EXPECT_TRUE(rc::check("int16", [] { check_words<int16_t>(false); }));
}

TEST(WeightKernels, GradientsAreTheSumsOfAllPartsTimesTheirUnits) {
  EXPECT_TRUE(rc::check("grad[n][tap][c] = sum over parts, in 64 bits, turned and scaled; only [begin, end)", [] {
    Contents contents = any_contents();
    const int taps = *rc::gen::inRange(1, 6);
    const int channels = *rc::gen::element(16, 32, 48, *rc::gen::inRange(1, 50)), outputs = *rc::gen::element(16, 32, 64, 70);
    const int k = (channels + 3) / 4 * 4 + 4 * *rc::gen::inRange(0, 2), n16 = (outputs + 15) / 16 * 16;
    const int begin = *rc::gen::element(0, 0, 3, *rc::gen::inRange(0, outputs));
    const int end = *rc::gen::element(outputs, std::min(begin + 16, outputs), *rc::gen::inRange(begin, outputs + 1));
    const bool totals = *rc::gen::arbitrary<bool>();  // none where no thread's sums went to 64 bits
    const int parts = *rc::gen::inRange(1, 5);
    const int64_t most_total = int64_t{1} << *rc::gen::element(20, 40, 50);  // of 4 parts: exact in double
    std::vector<Guarded<int32_t>> sum, zero_sum;
    std::vector<Guarded<int64_t>> total;
    std::vector<WeightSums> part;
    for (int p = 0; p < parts; ++p) {
      sum.emplace_back(size_t(taps) * k * n16, any_offset());
      zero_sum.emplace_back(size_t(outputs), any_offset());
      total.emplace_back(sum[p].size(), any_offset());
      contents.fill(sum[p], INT32_MIN, INT32_MAX);
      contents.fill(zero_sum[p], INT32_MIN, INT32_MAX);
      contents.fill(total[p], -most_total, most_total);
    }
    for (int p = 0; p < parts; ++p)
      part.push_back({sum[p].data(), zero_sum[p].data(), totals && *rc::gen::arbitrary<bool>() ? total[p].data() : nullptr});
    std::vector<double> input_unit, output_unit;
    for (int c = 0; c < channels; ++c) input_unit.push_back(double(contents.uniform(1, 1 << 20)) * 0x1p-30);
    for (int n = 0; n < outputs; ++n) output_unit.push_back(std::ldexp(1.0, -int(contents.uniform(0, 7))));
    Guarded<float> expected(size_t(outputs) * taps * channels);
    for (int n = begin; n < end; ++n)
      for (int tap = 0; tap < taps; ++tap)
        for (int c = 0; c < channels; ++c) {
          const size_t at = (size_t(tap) * k + c) * n16 + n;
          int64_t all = 0;
          for (const WeightSums& p : part)
            all += int32_t(uint32_t(p.sum[at]) - uint32_t(p.zero_sum[n])) + (p.total ? p.total[at] : 0);
          expected[(size_t(n) * taps + tap) * channels + c] = float(double(all) * input_unit[c] * output_unit[n]);
        }
    for (Isa isa : supported_isas()) {
      Guarded<float> grad(expected.size(), any_offset());
      weight_kernels(isa).gradient({part.data(), parts, taps, channels, k, n16, begin, end, input_unit.data(),
                                    output_unit.data(), grad.data()});
      require_same(grad, expected, "gradient", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
