// Mean and spread of a few numbers.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace subbyte {

struct Statistic {
  int64_t count = 0;
  double mean = 0;
  std::optional<double> deviation;  ///< of the sample (n - 1); none for one number
};

/// Of at least one number.
Statistic statistic(const std::vector<double>& values);

}  // namespace subbyte
