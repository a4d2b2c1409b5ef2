// The variances of quantizers against brute force, and the chain of inequalities between them.
#include "quant/variance.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace subbyte {
namespace {

std::vector<int32_t> shifts_of(const std::vector<double>& ranges, int groups) {
  const double r = *std::max_element(ranges.begin(), ranges.end());
  std::vector<int32_t> shifts;
  for (double v : ranges) {
    int n = groups - 1;
    if (v > 0) n = std::min(int(std::floor(std::log2(r / v))), groups - 1);
    shifts.push_back(n);
  }
  return shifts;
}

ChannelVariances variances_of(const std::vector<double>& ranges, int groups) {
  return channel_variances(ranges, shifts_of(ranges, groups), groups);
}

/// All assignments of channels to groups, contiguous or not.
double brute_force(const std::vector<double>& ranges, int groups) {
  std::vector<int> group(ranges.size(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    double total = 0;
    for (int g = 0; g < groups; ++g) {
      double most = 0;
      int count = 0;
      for (size_t c = 0; c < ranges.size(); ++c)
        if (group[c] == g) most = std::max(most, ranges[c]), ++count;
      total += count * most * most;
    }
    best = std::min(best, total);
    size_t c = 0;
    while (c < ranges.size() && ++group[c] == groups) group[c++] = 0;
    if (c == ranges.size()) return best;
  }
}

std::vector<double> any_ranges(int most_channels) {
  const int channels = *rc::gen::inRange(1, most_channels + 1);
  const double spread = *rc::gen::inRange(0, 12);
  std::mt19937 random(*rc::gen::arbitrary<uint32_t>());
  std::vector<double> ranges;
  for (int c = 0; c < channels; ++c) {
    const double octaves = std::uniform_real_distribution<double>(0, 1)(random) * spread;
    ranges.push_back(random() % 12 == 0 ? 0 : random() % 4 == 0 ? std::exp2(-std::floor(octaves)) : std::exp2(-octaves));
  }
  return ranges;
}

TEST(Variance, KnownCases) {
  const ChannelVariances equal = variances_of({2, 2, 2}, 4);
  EXPECT_EQ(equal.tensor, 12);
  EXPECT_EQ(equal.channel, 12);
  EXPECT_EQ(equal.optimal, 12);
  EXPECT_EQ(equal.shift, 12);
  EXPECT_EQ(equal.capped, 0);

  const ChannelVariances octaves = variances_of({8, 4, 2, 1, 0.5}, 3);  // groups 8, 4, 2: the last holds the rest
  EXPECT_EQ(octaves.tensor, 5 * 64);
  EXPECT_EQ(octaves.channel, 64 + 16 + 4 + 1 + 0.25);
  EXPECT_EQ(octaves.shift, 64 + 16 + 3 * 4);
  EXPECT_EQ(octaves.optimal, 64 + 16 + 3 * 4);
  EXPECT_EQ(octaves.capped, 2);
  EXPECT_EQ(octaves.bound, 4 * 85.25 + 2 * 64.0 / 16);

  EXPECT_EQ(variances_of({3, 1, 0}, 1).shift, variances_of({3, 1, 0}, 1).tensor);  // one group: per tensor
  EXPECT_EQ(optimal_variance(std::vector<double>{5, 3, 0}, 3), 34);                // a group a channel: per channel
  const ChannelVariances nothing = variances_of({0, 0}, 4);
  EXPECT_EQ(nothing.tensor, 0);
  EXPECT_EQ(nothing.shift, 0);
  EXPECT_EQ(nothing.bound, 0);
}

TEST(Variance, OptimalIsTheBestPartition) {
  rc::check([] {
    const std::vector<double> ranges = any_ranges(6);
    const int groups = *rc::gen::inRange(1, 5);
    const double best = brute_force(ranges, groups);
    RC_ASSERT(std::abs(optimal_variance(ranges, groups) - best) <= 1e-12 * best);
  });
}

TEST(Variance, ChainOfInequalities) {
  rc::check([] {
    const std::vector<double> ranges = any_ranges(64);
    const int groups = *rc::gen::inRange(1, 9);
    const ChannelVariances v = variances_of(ranges, groups);
    const double slack = 1 + 1e-12;
    RC_ASSERT(v.channel <= v.optimal * slack);
    RC_ASSERT(v.optimal <= v.shift * slack);
    RC_ASSERT(v.shift <= v.tensor * slack);
    RC_ASSERT(v.tensor == 0 || v.shift < v.bound);
    const double least = *std::min_element(ranges.begin(), ranges.end());
    const double most = *std::max_element(ranges.begin(), ranges.end());
    if (least > 0 && groups >= 1 + std::floor(std::log2(most / least))) RC_ASSERT(v.capped == 0);
  });
}

TEST(Variance, LogUniformRangesApproachTheirLimit) {  // V_S / V_C -> (4/3) ln 4 with groups enough
  std::vector<double> ranges;
  for (int c = 0; c <= 4096; ++c) ranges.push_back(std::exp2(-12.0 * c / 4096));
  const ChannelVariances v = variances_of(ranges, 14);
  EXPECT_NEAR(v.shift / v.channel, 4 / 3.0 * std::log(4), 0.01);
}

TEST(BlockVariance, IsTheSumOfSquaredStepsElementByElement) {
  EXPECT_TRUE(rc::check("blocks of some rows of a lane, the last ones shorter", [] {
    std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
    const auto uniform = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const int channels = uniform(1, 6), lanes = channels * uniform(1, 3), rows = uniform(1, 5), most = uniform(0, 4);
    const int32_t range = uniform(1, 32767);
    std::vector<int32_t> shifts;
    for (int c = 0; c < channels; ++c) shifts.push_back(uniform(0, 5));
    std::vector<int16_t> sample(size_t(channels * uniform(1, 40)));
    for (size_t i = 0; i < sample.size(); ++i) {
      const int limit = range >> shifts[i % size_t(channels)] >> uniform(0, 6);
      sample[i] = int16_t(uniform(-limit, limit));
    }
    double expected = 0;
    for (size_t i = 0; i < sample.size(); ++i) {
      const auto block_of = [&](size_t at) { return std::pair(at / size_t(lanes * rows), at % size_t(lanes)); };
      int top = 0;
      for (size_t j = 0; j < sample.size(); ++j)
        if (block_of(j) == block_of(i)) top = std::max(top, std::abs(int(sample[j])));
      const int shift = shifts[i % size_t(channels)];
      int e = most;
      while (e > 0 && top > range >> shift >> e) --e;
      expected += std::pow(range / std::exp2(shift + e), 2);
    }
    const double found = block_variance(sample, {channels, lanes, rows}, range, shifts, most);
    RC_ASSERT(std::fabs(found - expected) <= 1e-12 * expected);
  }));
}

}  // namespace
}  // namespace subbyte
