// Statistics of the random numbers and of stochastic rounding. Seeds are fixed, so the outcome is too; `alarm` is the
// probability with which a test would fail for correct code and fresh seeds, split evenly over its comparisons
// (Bonferroni). Sums of independent bounded variables are held to Bernstein's inequality, which is exact for any count.
#include <gtest/gtest.h>

#include <array>

#include "kernels/quantize/quantize.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

constexpr double alarm = 1e-9;

std::vector<uint16_t> random_values(RandomStream s, int64_t count) {
  std::vector<uint16_t> out(size_t(count + 127) / 128 * 128);
  quantize_kernels(selected_isa()).random(s, count, out.data());
  return out;
}

/// For each fraction f / 2^F: the count of draws that round up, its mean count * f / 2^F, variance count * f (1 - f), each
/// draw a variable in [0, 1]. Comparisons: 64 + 128 + 256 = 448 counts; the squares follow from the counts.
TEST(StochasticRounding, IsUnbiasedWithTheVarianceOfABernoulliDrawForEveryFraction) {
  constexpr int64_t draws = 16384;
  constexpr int comparisons = 448;
  const std::vector<int16_t> limit(256, 16383), pow2(256, 2);
  std::vector<int16_t> z(draws);
  std::vector<int8_t> codes(draws);
  uint32_t tensor = 0;
  for (const int fraction : {6, 7, 8})
    for (int f = 0; f < 1 << fraction; ++f) {
      const QuantizeGrid grid{limit.data(), pow2.data(), 256, 16384, fraction};  // z' = z
      const int floor_code = f % 7 - 4;
      std::fill(z.begin(), z.end(), int16_t(floor_code * (1 << fraction) + f));
      const std::vector<uint16_t> random = random_values({{11, 22}, 0, ++tensor, 3, 1}, draws / 2);
      quantize_kernels(selected_isa()).stochastic(z.data(), draws, grid, 32, 0,
                                                 reinterpret_cast<const uint8_t*>(random.data()), codes.data());
      const double p = std::ldexp(f, -fraction);
      int64_t up = 0;
      double squares = 0;
      for (const int8_t q : codes) {
        ASSERT_TRUE(q == floor_code || q == floor_code + 1) << "fraction " << p;
        up += q - floor_code;
        squares += (q - floor_code - p) * (q - floor_code - p);
      }
      const double bound = bernstein(draws * p * (1 - p), 1, alarm / comparisons);
      ASSERT_LE(std::fabs(double(up) - draws * p), f ? bound : 0) << "fraction " << p;
      // squares = up (1 - p)^2 + (draws - up) p^2, so its distance from draws p (1 - p) is |1 - 2 p| times that of `up`.
      ASSERT_LE(std::fabs(squares - draws * p * (1 - p)), std::fabs(1 - 2 * p) * bound + 1e-6) << "fraction " << p;
      ASSERT_LE(squares / draws, 0.25 + std::fabs(1 - 2 * p) * bound / draws) << "fraction " << p;
    }
}

/// Pearson's chi-square of 256 cells with 4096 expected draws each: 255 degrees of freedom. Laurent and Massart (2000):
/// P(X >= d + 2 sqrt(d x) + 2 x) <= e^-x and P(X <= d - 2 sqrt(d x)) <= e^-x. That the statistic is chi-square is an
/// approximation, good to a percent or so at this count; the bounds are loose by more. Comparisons: 2 sides of 2 bytes of
/// 6 streams = 24.
TEST(RandomValues, AreUniformInBothBytes) {
  constexpr int64_t count = 1 << 20;
  constexpr double degrees = 255;
  const double x = std::log(24 / alarm);
  const RandomStream streams[] = {{{0, 0}, 0, 0, 0, 1},       {{1, 0}, 0, 0, 0, 1},          {{0, 0}, 0, 1, 0, 1},
                                  {{0, 0}, 0, 0, 1, 5},       {{12345, 678}, 0, 17, 4000, 1},
                                  {{0, 1u << 31}, 1u << 30, 5, 9, 5}};
  for (const RandomStream& s : streams) {
    const std::vector<uint16_t> values = random_values(s, count);
    for (const int shift : {0, 8}) {
      std::array<int64_t, 256> cells{};
      for (const uint16_t v : values) ++cells[(v >> shift) & 255];
      double chi2 = 0;
      for (const int64_t n : cells) chi2 += (double(n) - count / 256) * (double(n) - count / 256) / (count / 256);
      EXPECT_LE(chi2, degrees + 2 * std::sqrt(degrees * x) + 2 * x);
      EXPECT_GE(chi2, degrees - 2 * std::sqrt(degrees * x));  // nor more even than chance
    }
  }
}

/// a = (v + 1/2) / 2^16 - 1/2 has mean 0, variance below 1/12 and |a| < 1/2. Sum of products of disjoint pairs: independent,
/// mean 0, variance below 1/144, within 1/4. Comparisons: 9 lags + 5 neighbouring streams = 14.
double centered(uint16_t v) { return (v + 0.5) / 65536 - 0.5; }

constexpr int correlations = 14;

TEST(RandomValues, AreNotCorrelatedWithTheirNeighbours) {
  constexpr int64_t count = 1 << 20;
  const std::vector<uint16_t> values = random_values({{31, 41}, 0, 59, 26, 1}, count);
  for (const int64_t lag : {1, 2, 3, 8, 31, 32, 64, 128, 1024}) {
    double sum = 0;
    int64_t pairs = 0;
    for (int64_t i = 0; i + lag < count; ++i)
      if (i / lag % 2 == 0) sum += centered(values[i]) * centered(values[i + lag]), ++pairs;
    EXPECT_LE(std::fabs(sum), bernstein(double(pairs) / 144, 0.25, alarm / correlations)) << "lag " << lag;
  }
}

TEST(RandomValues, AreNotCorrelatedWithThoseOfNeighbouringStreams) {
  constexpr int64_t count = 1 << 20;
  const RandomStream s{{31, 41}, 0, 59, 26, 1};
  const std::vector<uint16_t> values = random_values(s, count);
  const RandomStream neighbours[] = {{{32, 41}, 0, 59, 26, 1}, {{31, 42}, 0, 59, 26, 1}, {{31, 41}, 0, 60, 26, 1},
                                     {{31, 41}, 0, 59, 27, 1}, {{31, 41}, 0, 59, 26, 2}};
  for (const RandomStream& other : neighbours) {
    const std::vector<uint16_t> others = random_values(other, count);
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += centered(values[i]) * centered(others[i]);
    EXPECT_LE(std::fabs(sum), bernstein(double(count) / 144, 0.25, alarm / correlations));
  }
}

}  // namespace
}  // namespace subbyte
