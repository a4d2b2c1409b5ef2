#include "nn/integer/grid.h"

#include <algorithm>
#include <cmath>

#include "kernels/period.h"
#include "nn/integer/stream.h"

namespace subbyte {

int channel_shift(int32_t range, int32_t r, int groups) {
  int n = 0;
  while (n < groups - 1 && (int64_t(r) << (n + 1)) <= range) ++n;
  return n;
}

int channel_shift(double range, double r, int groups) {
  int n = 0;
  while (n < groups - 1 && std::ldexp(r, n + 1) <= range) ++n;
  return n;
}

Grid make_grid(const std::vector<int32_t>& channel_range, double stream_scale, int bits, bool is_signed, int groups,
               int most_fraction) {
  Grid grid;
  grid.range = std::clamp(*std::max_element(channel_range.begin(), channel_range.end()), 1, 32767);
  for (int32_t r : channel_range) grid.shift.push_back(channel_shift(grid.range, std::min(r, grid.range), groups));
  grid.pre_shift = headroom_shift(grid.range);
  grid.fraction = std::min(is_signed ? 15 - bits : 14 - bits, most_fraction);
  const int32_t top = top_code(bits, is_signed) << grid.fraction;  // at most 2^14, so the multiplier fits int16
  grid.multiplier = int16_t((int64_t(top) << 15) / (grid.range << grid.pre_shift));
  grid.scale = std::ldexp(stream_scale, grid.fraction + 15 - grid.pre_shift) / grid.multiplier;
  return grid;
}

void Grid::constants(int m, Buffer<int16_t>& limit, Buffer<int16_t>& pow2) const {
  const int channels = int(shift.size());
  std::vector<int16_t> top(channels), power(channels);
  for (int c = 0; c < channels; ++c) {
    top[c] = int16_t(range >> (shift[c] + m));
    power[c] = int16_t(1 << std::min(14, shift[c] + m + pre_shift));  // beyond 14 only where the limit is 0
  }
  repeat_channels(top.data(), channels, limit);
  repeat_channels(power.data(), channels, pow2);
}

}  // namespace subbyte
