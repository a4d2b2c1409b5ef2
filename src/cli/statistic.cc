#include "cli/statistic.h"

#include <cmath>

namespace subbyte {

Statistic statistic(const std::vector<double>& values) {
  Statistic result{int64_t(values.size()), 0, std::nullopt};
  for (double v : values) result.mean += v / double(values.size());
  double squares = 0;
  for (double v : values) squares += (v - result.mean) * (v - result.mean);
  if (values.size() > 1) result.deviation = std::sqrt(squares / double(values.size() - 1));
  return result;
}

}  // namespace subbyte
