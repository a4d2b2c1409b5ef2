#include "quant/rounding_errors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace subbyte {
namespace {

constexpr int kRoundings = 16, kElements = 2000;

/// Values on a grid of steps of 1, rounded up with a probability of their fraction plus `extra`.
RoundingErrors rounded(double extra, double gain, double& exact_variance) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> exact;
  exact_variance = 0;
  for (int i = 0; i < kElements; ++i) {
    exact.push_back(uniform(random) * 14 - 7);
    const double fraction = exact.back() - std::floor(exact.back());
    exact_variance += fraction * (1 - fraction);
  }
  std::vector<std::vector<double>> found(kRoundings);
  for (std::vector<double>& f : found)
    for (double x : exact) f.push_back(std::floor(x * gain + uniform(random)) + extra);
  RoundingErrors errors(kRoundings);
  const size_t half = kElements / 2;  // parts add up
  std::vector<std::vector<double>> first, second;
  for (const std::vector<double>& f : found) {
    first.emplace_back(f.begin(), f.begin() + half);
    second.emplace_back(f.begin() + half, f.end());
  }
  errors.add(std::span(exact).first(half), first);
  errors.add(std::span(exact).subspan(half), second);
  return errors;
}

TEST(RoundingErrors, OfUnbiasedRounding) {
  double variance = 0;
  const RoundingErrors errors = rounded(0, 1, variance);
  EXPECT_EQ(errors.elements(), kElements);
  EXPECT_LT(std::abs(errors.bias().value), 4 * errors.bias().error);
  EXPECT_NEAR(errors.bias().error, std::sqrt(variance / kElements / kElements / kRoundings), 1e-3);
  EXPECT_LT(std::abs(errors.gain().value), 4 * errors.gain().error);
  EXPECT_NEAR(errors.variance() / variance, 1, 0.03);
  EXPECT_LT(errors.variance(), kElements / 4.0);  // a quarter of a step squared
  EXPECT_NEAR(errors.power().noise / variance, 1, 0.03);
}

TEST(RoundingErrors, BiasIsToldFromNoise) {
  double variance = 0;
  const RoundingErrors errors = rounded(0.25, 1, variance);
  EXPECT_NEAR(errors.bias().value, 0.25, 4 * errors.bias().error);
  EXPECT_NEAR(errors.variance() / variance, 1, 0.03);
  EXPECT_NEAR(errors.power().noise / (variance + kElements / 16.0), 1, 0.03);
}

TEST(RoundingErrors, ShrinkingShowsInTheGain) {
  double variance = 0;
  const RoundingErrors errors = rounded(0, 0.9, variance);
  EXPECT_NEAR(errors.gain().value, -0.1, 4 * errors.gain().error + 1e-6);
}

TEST(Power, Decibels) {
  Power power;
  power.add(std::vector<double>{3, 4}, std::vector<double>{3.3, 4.4});
  EXPECT_NEAR(power.decibels(), 20, 1e-9);
  EXPECT_TRUE(std::isinf(Power({1, 0}).decibels()));
  EXPECT_TRUE(std::isnan(Power().decibels()));
}

TEST(Cosine, OfVectors) {
  const std::vector<float> a = {1, 0}, b = {1, 1}, zero = {0, 0};
  EXPECT_NEAR(cosine(a, b), std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(cosine(b, b), 1, 1e-12);
  EXPECT_TRUE(std::isnan(cosine(a, zero)));
}

}  // namespace
}  // namespace subbyte
