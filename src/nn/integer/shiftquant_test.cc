// ShiftQuant on gradients whose channels differ in range: shifts, no clipping, unbiased codes, variance, and products that
// need no rearrangement of channels.
//
// Seeds are fixed, so outcomes are too. For fresh seeds a correct quantizer fails a statistical test with a probability
// below `alarm`, split evenly over the comparisons (Bonferroni), by Bernstein's inequality, exact for any number of draws.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/period.h"
#include "kernels/test_support.h"
#include "nn/integer/gradient.h"
#include "nn/integer/weights.h"

namespace subbyte {
namespace {

constexpr double alarm = 1e-9;

NetworkConfig some_config(int sample_groups, int block_groups) {
  NetworkConfig config;
  config.model.nodes.resize(1);
  config.quant.sample_groups = sample_groups;
  config.quant.block_groups = block_groups;
  return config;
}

/// A batch of gradients whose channels and samples have log-normal ranges, `spread` octaves of standard deviation.
struct Batch2D {
  Batch2D(int images, Shape s, int sample_groups, int block_groups, double spread, unsigned seed)
      : shape(s), ctx(some_config(sample_groups, block_groups)) {
    ctx.images = images;
    ctx.step = 1;
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> channel(s.c), sample(images), value(size_t(images) * s.elements());
    for (double& r : channel) r = std::exp2(spread * normal(random));
    for (double& r : sample) r = sample_groups > 1 ? std::exp2(spread * normal(random)) : 1;
    double top = 0;
    for (size_t i = 0; i < value.size(); ++i) {
      value[i] = channel[i % s.c] * sample[i / s.elements()] * normal(random);
      top = std::max(top, std::fabs(value[i]));
    }
    dy.scale = 0.01;
    dy.top = 16383;
    dy.memory = ctx.memory.take(int64_t(value.size()));
    for (size_t i = 0; i < value.size(); ++i) (*dy.memory)[i] = int16_t(std::lround(value[i] / top * 16383));
  }

  int z(int image, int64_t e) const { return dy.image(image, shape.elements())[e]; }
  /// z' / 2^fraction: the code that an element would have without rounding.
  double exact_code(const GradientPlan& plan, int image, int64_t e) const {
    const int up = shift(plan, image, e) + plan.grid.pre_shift;
    const int64_t value = high_product(int64_t(z(image, e)) << std::min(14, up), plan.grid.multiplier);
    return std::ldexp(double(value), -plan.grid.fraction);
  }
  /// Largest |z| of the 16 elements that share e's shift.
  int64_t block_range(int image, int64_t e) const {
    const int64_t lanes = block_lanes(shape.c), begin = e / (16 * lanes) * 16 * lanes + e % lanes;
    int64_t top = 0;
    for (int row = 0; row < 16; ++row)
      if (begin + row * lanes < shape.elements()) top = std::max<int64_t>(top, std::abs(z(image, begin + row * lanes)));
    return top;
  }
  /// How much further than its channel's and its sample's a block's shift is.
  int further(const GradientPlan& plan, int image, int64_t e) const {
    const int before = plan.grid.shift[e % shape.c] + plan.sample[image];
    int further = plan.block;
    while (further > 0 && block_range(image, e) << (before + further) > plan.grid.range) --further;
    return further;
  }
  int shift(const GradientPlan& plan, int image, int64_t e) const {
    return plan.grid.shift[e % shape.c] + plan.sample[image] + further(plan, image, e);
  }
  /// The code of an operand.
  int code(const GradientPlan& plan, const GradientCodes& codes, int image, int64_t e) const {
    return codes.codes[e] >> (plan.block - further(plan, image, e));
  }
  /// Value of code 1, in units of the stream.
  double step(const GradientPlan& plan, int image, int64_t e) const {
    return std::ldexp(plan.grid.scale / dy.scale, plan.block - shift(plan, image, e));
  }

  Shape shape;
  Context ctx;
  Stream dy;
};

Batch2D any_batch(int sample_groups) {
  const int images = *rc::gen::inRange(1, 6);
  const Shape shape{*rc::gen::inRange(1, 6), *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 65)};
  return Batch2D(images, shape, sample_groups, *rc::gen::inRange(0, 9), *rc::gen::element(0.3, 1.5, 4.0),
                 *rc::gen::arbitrary<uint16_t>());
}

std::vector<int64_t> channel_ranges(const Batch2D& b, const std::vector<int32_t>& sample) {
  std::vector<int64_t> range(b.shape.c, 0);
  for (int i = 0; i < b.ctx.images; ++i)
    for (int64_t e = 0; e < b.shape.elements(); ++e)
      range[e % b.shape.c] = std::max(range[e % b.shape.c], int64_t(std::abs(b.z(i, e))) << sample[i]);
  return range;
}

/// min(floor(log2(whole / r)), groups - 1), by exact comparison.
int expected_shift(int64_t whole, int64_t r, int groups) {
  int n = groups - 1;
  while (n > 0 && r << n > whole) --n;
  return n;
}

TEST(ShiftQuant, ShiftsAreTheFloorsOfTheLogarithmsAndNothingClips) {
  EXPECT_TRUE(rc::check("n_c, m_i, blocks, and |code| <= B for every element and step", [] {
    const int bits = *rc::gen::element(2, 3, 4, 5, 6, 7, 8), groups = *rc::gen::inRange(1, 9);
    Batch2D b = any_batch(*rc::gen::element(1, 4, 8));
    const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, bits, groups, 0);
    int64_t whole = 0;
    std::vector<int64_t> image(b.ctx.images, 0);
    for (int i = 0; i < b.ctx.images; ++i)
      for (int64_t e = 0; e < b.shape.elements(); ++e) image[i] = std::max<int64_t>(image[i], std::abs(b.z(i, e)));
    whole = *std::max_element(image.begin(), image.end());
    for (int i = 0; i < b.ctx.images; ++i) RC_ASSERT(plan.sample[i] == expected_shift(whole, image[i], plan.samples));
    const std::vector<int64_t> range = channel_ranges(b, plan.sample);
    const int64_t r = *std::max_element(range.begin(), range.end());
    for (int c = 0; c < b.shape.c; ++c) RC_ASSERT(plan.grid.shift[c] == expected_shift(r, range[c], groups));
    const int blocks = b.ctx.config.quant.block_groups, most = std::min(blocks > 0 ? blocks - 1 : 3, 8 - bits);
    RC_ASSERT(plan.block == most);
    GradientCodes codes;
    for (int i = 0; i < b.ctx.images; ++i) {
      quantize_gradient(b.ctx, b.dy, plan, 5, i, codes);
      for (int64_t e = 0; e < b.shape.elements(); ++e) {
        const double exact = b.exact_code(plan, i, e);
        const int code = b.code(plan, codes, i, e);
        RC_ASSERT(std::abs(b.z(i, e)) <= plan.grid.range >> b.shift(plan, i, e));
        RC_ASSERT(std::abs(code) < 1 << (bits - 1));
        RC_ASSERT(code == std::floor(exact) || code == std::ceil(exact));
        RC_ASSERT(codes.codes[e] == code * (1 << (most - b.further(plan, i, e))));
        // The grid's own rounding: half of its last bit, and what the real scale rounds in double precision.
        RC_ASSERT(std::fabs(exact - b.z(i, e) / b.step(plan, i, e)) <=
                  std::ldexp(0.5, -plan.grid.fraction) + 1e-9);
      }
    }
  }));
}

/// 2 * 64 * 200 fair coins; another step or tensor tosses others.
TEST(ShiftQuant, TiesAreRoundedDownInHalfOfTheImages) {
  Batch2D b(200, {1, 1, 1}, 8, 0, 1, 1);
  double down = 0;
  std::vector<std::vector<uint8_t>> seen;
  for (const int node : {1, 2})
    for (int step = 0; step < 64; ++step) {
      b.ctx.step = uint64_t(step);
      const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, 4, 4, node);
      for (const uint8_t bit : plan.tie_down) down += bit;
      EXPECT_EQ(std::count(seen.begin(), seen.end(), plan.tie_down), 0);
      seen.push_back(plan.tie_down);
    }
  const double tosses = 2 * 64 * 200;
  EXPECT_LE(std::fabs(down - tosses / 2), bernstein(tosses / 4, 1, alarm));
}

TEST(ShiftQuant, RangesThatTheProducerMeasuredGiveTheSamePlan) {
  EXPECT_TRUE(rc::check("image_top of a normalization instead of a pass over the gradient", [] {
    const int bits = *rc::gen::inRange(2, 9), groups = *rc::gen::inRange(1, 9);
    Batch2D b = any_batch(*rc::gen::element(1, 4, 8));
    const GradientPlan measured = plan_gradient(b.ctx, b.dy, b.shape, bits, groups, 0);
    b.dy.image_top.assign(size_t(b.ctx.images) * b.shape.c, 0);
    for (int i = 0; i < b.ctx.images; ++i)
      for (int64_t e = 0; e < b.shape.elements(); ++e) {
        int32_t& top = b.dy.image_top[size_t(i) * b.shape.c + size_t(e % b.shape.c)];
        top = std::max(top, std::abs(b.z(i, e)));
      }
    std::fill_n(b.dy.memory->data(), b.dy.memory->size(), int16_t(0));  // nobody looks at it
    const GradientPlan given = plan_gradient(b.ctx, b.dy, b.shape, bits, groups, 0);
    RC_ASSERT(given.sample == measured.sample && given.grid.shift == measured.grid.shift);
    RC_ASSERT(given.grid.scale == measured.grid.scale && given.grid.multiplier == measured.grid.multiplier);
    for (int m = 0; m < given.samples; ++m)
      for (size_t i = 0; i < given.limit[m].size(); ++i)
        RC_ASSERT(given.limit[m][i] == measured.limit[m][i] && given.pow2[m][i] == measured.pow2[m][i]);
  }));
}

TEST(ShiftQuant, VarianceBoundIsBetweenTheIdealAndFourTimesItPlusTheCappedChannels) {
  EXPECT_TRUE(rc::check("V_C <= V_S < 4 V_C + v C_capped r^2 4^(1-Ng), in units of v", [] {
    const int groups = *rc::gen::inRange(1, 9);
    Batch2D b = any_batch(1);
    const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, 4, groups, 0);
    const std::vector<int64_t> range = channel_ranges(b, plan.sample);
    const int64_t r = *std::max_element(range.begin(), range.end());
    double ideal = 0, shifted = 0;  // sums of squares below 2^53 times powers of 4: exact
    int capped = 0;
    for (int c = 0; c < b.shape.c; ++c) {
      ideal += double(range[c] * range[c]);
      shifted += std::ldexp(double(r * r), -2 * plan.grid.shift[c]);
      capped += range[c] << groups <= r;
    }
    RC_ASSERT(ideal <= shifted);
    RC_ASSERT(shifted < 4 * ideal + capped * std::ldexp(double(r * r), 2 - 2 * groups));
  }));
}

/// Comparisons, over 4 widths x 3 group counts = 12 settings: the sum of codes of each of 2 * 48 * 9 = 864 elements over
/// 256 steps (independent draws in [0, 1] above the floor, variance f (1 - f)); the sum of all errors, weighted with their
/// steps; and the sum of all squared errors: 12 * 866.
TEST(ShiftQuant, CodesAreUnbiasedWithTheVarianceOfTheirFractions) {
  constexpr int draws = 256;
  constexpr double each = alarm / (12 * 866);
  for (const int bits : {2, 4, 6, 8})
    for (const int groups : {1, 4, 8}) {
      Batch2D b(2, {3, 3, 48}, 8, groups == 4 ? 0 : 1, 1.5, unsigned(10 * bits + groups));
      const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, bits, groups, 0);
      const int64_t elements = b.shape.elements();
      std::vector<double> sum(2 * elements, 0);
      double error = 0, squares = 0, bound = 0, largest = 0, expected = 0, fourth = 0;
      GradientCodes codes;
      for (int draw = 0; draw < draws; ++draw) {
        b.ctx.step = uint64_t(draw);
        for (int i = 0; i < 2; ++i) {
          quantize_gradient(b.ctx, b.dy, plan, 3, i, codes);
          for (int64_t e = 0; e < elements; ++e) {
            const double difference = b.code(plan, codes, i, e) - b.exact_code(plan, i, e), step = b.step(plan, i, e);
            sum[i * elements + e] += difference;
            error += step * difference;
            squares += step * step * difference * difference;
          }
        }
      }
      for (int i = 0; i < 2; ++i)
        for (int64_t e = 0; e < elements; ++e) {
          const double exact = b.exact_code(plan, i, e), f = exact - std::floor(exact);
          const double step = b.step(plan, i, e);
          ASSERT_LE(std::fabs(sum[i * elements + e]), f > 0 ? bernstein(draws * f * (1 - f), 1, each) : 0)
              << bits << " bits, " << groups << " groups, element " << e;
          expected += draws * step * step * f * (1 - f);
          bound += draws * step * step / 4;
          // A squared error is (1 - f)^2 or f^2: its variance is f (1 - f) (1 - 2 f)^2.
          fourth += draws * std::pow(step, 4) * f * (1 - f) * (1 - 2 * f) * (1 - 2 * f);
          largest = std::max(largest, step);
        }
      EXPECT_LE(std::fabs(error), bernstein(expected, largest, each)) << bits << " bits, " << groups << " groups";
      const double apart = bernstein(fourth, largest * largest, each);
      EXPECT_LE(std::fabs(squares - expected), apart) << bits << " bits, " << groups << " groups";
      EXPECT_LE(squares, bound + apart) << bits << " bits, " << groups << " groups";  // draws * m / 4 * sum of steps^2
    }
}

/// What a configuration without the two controls rounds with must stay what it is: one byte of this stream an element.
TEST(ShiftQuant, TheRandomNumbersAreThoseOfTheUseGradient) {
  Batch2D b(2, {5, 5, 30}, 8, 0, 1.5, 7);
  const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, 4, 4, 0);
  const int64_t elements = b.shape.elements(), counters = (elements + 255) / 256 * 16;
  GradientCodes codes;
  for (int i = 0; i < 2; ++i) {
    quantize_gradient(b.ctx, b.dy, plan, 3, i, codes);
    std::vector<uint16_t> random(size_t(counters) * 8);
    const RandomStream stream = b.ctx.random_stream(RandomUse::gradient, 3, uint32_t(i * counters));
    b.ctx.quantize.random(stream, (elements + 1) / 2, random.data());
    for (int64_t e = 0; e < elements; ++e) {
      const double u = std::ldexp((random[size_t(e) / 2] >> (e % 2 * 8)) & 255, -8);
      EXPECT_EQ(b.code(plan, codes, i, e), std::floor(b.exact_code(plan, i, e) + u)) << "element " << e;
    }
  }
}

TEST(ShiftQuant, NearestCodesAreTheNearestWhateverTheSeed) {
  int ties[2] = {0, 0};
  EXPECT_TRUE(rc::check("|code - exact| <= 1/2; a tie goes up in images of even number, down in the others", [&ties] {
    const int bits = *rc::gen::inRange(2, 9), groups = *rc::gen::inRange(1, 9);
    Batch2D b = any_batch(*rc::gen::element(1, 8));
    b.ctx.config.quant.round_g = Rounding::nearest;
    const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, bits, groups, 0);
    const int64_t elements = b.shape.elements();
    GradientCodes codes, others;
    for (int i = 0; i < b.ctx.images; ++i) {
      quantize_gradient(b.ctx, b.dy, plan, 5, i, codes);
      ++b.ctx.config.seed;
      ++b.ctx.step;
      quantize_gradient(b.ctx, b.dy, plan, 6, i, others, RandomUse::input_gradient);
      RC_ASSERT(std::equal(codes.codes.data(), codes.codes.data() + elements, others.codes.data()));
      for (int64_t e = 0; e < elements; ++e) {
        const double error = b.code(plan, codes, i, e) - b.exact_code(plan, i, e);
        RC_ASSERT(std::fabs(error) <= 0.5);
        if (std::fabs(error) != 0.5) continue;
        RC_ASSERT((error > 0) == (i % 2 == 0));
        ++ties[i % 2];
      }
    }
  }));
  EXPECT_GT(ties[0], 0);
  EXPECT_GT(ties[1], 0);
}

/// Comparisons, over 2 widths: the sum of the second draw's errors of each of 2 * 432 elements over 256 steps, as above; and
/// the sum of the products of both draws' errors, each with expectation 0, variance (f (1 - f))^2 and size at most 1. Of one
/// draw taken twice it would be the sum of f (1 - f), which must be far beyond that.
TEST(ShiftQuant, TwoDrawsAreUnbiasedAndIndependent) {
  constexpr int draws = 256;
  constexpr double each = alarm / (2 * 865);
  for (const int bits : {4, 8}) {
    Batch2D b(2, {3, 3, 48}, 8, 0, 1.5, unsigned(bits));
    const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, bits, 4, 0);
    const int64_t elements = b.shape.elements();
    std::vector<double> exact, sum(size_t(2 * elements), 0);
    for (int i = 0; i < 2; ++i)
      for (int64_t e = 0; e < elements; ++e) exact.push_back(b.exact_code(plan, i, e));
    double product = 0, same = 0, spread = 0;
    GradientCodes first, second;
    for (int draw = 0; draw < draws; ++draw) {
      b.ctx.step = uint64_t(draw);
      for (int i = 0; i < 2; ++i) {
        quantize_gradient(b.ctx, b.dy, plan, 3, i, first);
        quantize_gradient(b.ctx, b.dy, plan, 3, i, second, RandomUse::input_gradient);
        for (int64_t e = 0; e < elements; ++e) {
          const size_t at = size_t(i * elements + e);
          const double error = b.code(plan, second, i, e) - exact[at];
          sum[at] += error;
          product += error * (b.code(plan, first, i, e) - exact[at]);
        }
      }
    }
    for (size_t at = 0; at < sum.size(); ++at) {
      const double f = exact[at] - std::floor(exact[at]), variance = f * (1 - f);
      EXPECT_LE(std::fabs(sum[at]), f > 0 ? bernstein(draws * variance, 1, each) : 0) << bits << " bits, element " << at;
      same += draws * variance;
      spread += draws * variance * variance;
    }
    const double apart = bernstein(spread, 1, each);
    EXPECT_LE(std::fabs(product), apart) << bits << " bits";
    EXPECT_GT(same, 10 * apart) << bits << " bits";
  }
}

TEST(ShiftQuant, AProductWithShiftedOperandsIsTheSumOfSeparateProductsOfTheGroups) {
  EXPECT_TRUE(rc::check("no rearrangement: the same 32-bit sums, on every instruction set", [] {
    const int w_bits = *rc::gen::inRange(2, 9), g_bits = *rc::gen::inRange(2, 9), groups = *rc::gen::inRange(1, 9);
    Batch2D b = any_batch(1);
    const GradientPlan plan = plan_gradient(b.ctx, b.dy, b.shape, g_bits, groups, 0);
    GradientCodes g;
    quantize_gradient(b.ctx, b.dy, plan, 4, 0, g);
    const int pixels = b.shape.h * b.shape.w, inputs = *rc::gen::inRange(1, 40), finest = groups - 1;
    WeightCodes w;
    w.bits = w_bits;
    w.shift.assign(b.shape.c, 0);
    Contents contents = any_contents();
    w.code.resize(size_t(b.shape.c) * inputs);
    contents.fill(w.code, -top_code(w_bits, true), top_code(w_bits, true));

    /// dx[p][ci] over the chosen channels, whose operands carry 2^left.
    const auto product = [&](const std::vector<int>& channels, const std::vector<int32_t>& left, Isa isa) {
      WeightCodes part;
      part.bits = w_bits;
      for (int c : channels) part.code.insert(part.code.end(), w.code.begin() + c * inputs, w.code.begin() + (c + 1) * inputs);
      const ProductShape s{1, 1, 1, 0, {b.shape.h, b.shape.w, inputs}, {b.shape.h, b.shape.w, int(channels.size())}};
      const PackedWeights packed = pack_backward(part, s, left, g_bits + plan.block, {{0}});
      std::vector<uint8_t> a(size_t(pixels) * packed.words * 4, uint8_t(packed.dot == Dot::s16 ? 0 : packed.zero));
      for (int p = 0; p < pixels; ++p)
        for (size_t r = 0; r < channels.size(); ++r) {
          const int16_t code = int16_t(g.codes[size_t(p) * b.shape.c + channels[r]] * (1 << packed.operand_shift[r]));
          uint8_t* pixel = a.data() + size_t(p) * packed.words * 4;
          if (packed.dot == Dot::s16) std::memcpy(pixel + 2 * r, &code, 2);
          else pixel[r] = uint8_t(code + packed.zero);
        }
      const std::vector<int32_t> init = packed.init(0);
      std::vector<int32_t> out;
      const int32_t tap = 0;
      for (int p = 0; p < pixels; ++p) {  // one pixel's sums are their extremes
        std::vector<int32_t> low(packed.outputs, INT32_MAX), high(packed.outputs, INT32_MIN);
        std::vector<int16_t> y(packed.outputs);
        conv_kernels(isa).product({a.data() + size_t(p) * packed.words * 4, &tap, 1, packed.words, 0, 0, 1, 1,
                                   packed.bytes.data(), packed.outputs, init.data(), packed.burst, 0, packed.outputs, y.data(),
                                   0, 0, nullptr, low.data(), high.data()},
                                  packed.dot);
        RC_ASSERT(low == high);
        out.insert(out.end(), low.begin(), low.end());
      }
      return out;
    };

    std::vector<int> all(b.shape.c);
    std::vector<int32_t> left(b.shape.c);
    for (int c = 0; c < b.shape.c; ++c) all[c] = c, left[c] = finest - plan.grid.shift[c];
    for (Isa isa : supported_isas()) {
      const std::vector<int32_t> together = product(all, left, isa);
      std::vector<int32_t> separate(together.size(), 0);
      for (int group = 0; group < groups; ++group) {
        std::vector<int> members;
        for (int c : all)
          if (plan.grid.shift[c] == group) members.push_back(c);
        if (members.empty()) continue;
        const std::vector<int32_t> part = product(members, std::vector<int32_t>(members.size(), 0), isa);
        for (size_t i = 0; i < part.size(); ++i) separate[i] += part[i] * (1 << (finest - group));
      }
      RC_ASSERT(together == separate);
    }
  }));
}

}  // namespace
}  // namespace subbyte
