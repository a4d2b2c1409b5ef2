#include "quant/variance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

namespace subbyte {

double optimal_variance(std::span<const double> ranges, int groups) {
  std::vector<double> sorted(ranges.begin(), ranges.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const size_t count = sorted.size();
  // best[j]: the first j channels in at most as many groups as rounds so far.
  std::vector<double> best(count + 1, std::numeric_limits<double>::infinity());
  best[0] = 0;
  for (int round = 0; round < groups; ++round)
    for (size_t j = count; j > 0; --j)  // downwards: smaller j are still of the round before
      for (size_t i = 0; i < j; ++i) best[j] = std::min(best[j], best[i] + double(j - i) * sorted[i] * sorted[i]);
  return best[count];
}

ChannelVariances channel_variances(std::span<const double> ranges, std::span<const int32_t> shifts, int groups) {
  ChannelVariances v;
  if (ranges.empty()) return v;
  const double r = *std::max_element(ranges.begin(), ranges.end());
  for (size_t c = 0; c < ranges.size(); ++c) {
    const double step = std::ldexp(r, -shifts[c]);
    v.channel += ranges[c] * ranges[c];
    v.shift += step * step;
    v.capped += shifts[c] == groups - 1 && std::ldexp(ranges[c], groups) <= r;
  }
  v.tensor = double(ranges.size()) * r * r;
  v.optimal = optimal_variance(ranges, groups);
  v.bound = 4 * v.channel + v.capped * std::ldexp(r * r, 2 * (1 - groups));
  return v;
}

double block_variance(std::span<const int16_t> sample, const BlockLayout& layout, int32_t range,
                      std::span<const int32_t> shifts, int most_shift) {
  double sum = 0;
  const size_t lanes = size_t(layout.lanes), block = lanes * size_t(layout.rows);
  for (size_t at = 0; at < sample.size(); at += block)
    for (size_t lane = 0; lane < lanes; ++lane) {
      int32_t top = 0, count = 0;
      for (size_t i = at + lane; i < std::min(at + block, sample.size()); i += lanes, ++count)
        top = std::max(top, std::abs(int32_t(sample[i])));
      const int32_t shift = shifts[lane % size_t(layout.channels)], limit = range >> shift;
      int e = 0;
      while (e < most_shift && top <= limit >> (e + 1)) ++e;
      sum += count * std::ldexp(double(range) * range, -2 * (shift + e));
    }
  return sum;
}

}  // namespace subbyte
