// What several independent roundings of a tensor say of bias and noise, and how vectors agree. Pure functions on plain arrays.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace subbyte {

/// An estimate and its standard error.
struct Estimate {
  double value = 0, error = 0;
};

/// Signal and noise as sums of squares.
struct Power {
  double signal = 0, noise = 0;
  void add(std::span<const double> exact, std::span<const double> found);
  /// 10 log10(signal / noise); infinite where there is no noise, not a number where there is neither.
  double decibels() const;
};

/// Collects parts of a tensor, each rounded the same number of times (at least 2) with numbers of its own.
class RoundingErrors {
 public:
  explicit RoundingErrors(int roundings = 2) : error_(size_t(roundings)), product_(size_t(roundings)) {}

  /// found[k] [elements] is rounding k of `exact`.
  void add(std::span<const double> exact, std::span<const std::vector<double>> found);

  int64_t elements() const { return elements_; }
  /// Mean over the elements of (found - exact): its standard error from the spread over the roundings.
  Estimate bias() const;
  /// <found, exact> / <exact, exact> - 1: whether large values shrink or grow. 0 where the tensor is 0.
  Estimate gain() const;
  /// Sum over the elements of each one's variance, without bias.
  double variance() const { return variance_; }
  /// Of one rounding, the mean over all.
  const Power& power() const { return power_; }

 private:
  std::vector<double> error_, product_;  // by rounding: sum of errors, of error * exact
  int64_t elements_ = 0;
  double variance_ = 0;
  Power power_;
};

/// Mean and standard error of the mean.
Estimate mean_of(std::span<const double> values);

/// Not a number where one of them is 0.
double cosine(std::span<const float> a, std::span<const float> b);

}  // namespace subbyte
