// Variances of stochastically rounded tensors by the ranges of their channels (docs/method.md, section 3), as pure functions.
// In units of v = m / (4 B^2) for m elements a channel and largest code B: a value whose step is s has a variance of at most
// s^2 / 4.
//
//   V_T   = C r^2                              one range for the tensor
//   V_C   = sum r_c^2                          a real range for every channel
//   V_opt = min over partitions into Ng groups of sum_g |g| max_{c in g} r_c^2
//   V_S   = sum (r 2^-n_c)^2                   ShiftQuant
//   V_B   = sum over channels, samples i and blocks k of (r 2^-(n_c + m_i + e_k))^2 |k| / m     with all shifts
//   V_C <= V_opt <= V_S <= 4 V_C + C_capped r^2 4^(1-Ng),     the last one with < unless all ranges are 0
#pragma once
#include <cstdint>
#include <span>

namespace subbyte {

struct ChannelVariances {
  double tensor = 0, channel = 0, optimal = 0, shift = 0;  ///< V_T, V_C, V_opt, V_S
  double bound = 0;  ///< 4 V_C + C_capped r^2 4^(1-Ng)
  int capped = 0;    ///< channels with the last shift whose range would allow a larger one
};

/// `ranges` [channels], not negative; `shifts` [channels], n_c in [0, groups); groups >= 1.
ChannelVariances channel_variances(std::span<const double> ranges, std::span<const int32_t> shifts, int groups);

/// V_opt, exactly: optimal groups are contiguous in the order of the ranges, so O(channels^2 groups) finds them.
double optimal_variance(std::span<const double> ranges, int groups);

/// The blocks of one sample [rows][lanes]: `rows` elements of a lane are one, lane % channels is its channel.
struct BlockLayout {
  int channels, lanes, rows;
};

/// m times a sample's part of V_B: the sum over its elements of (range 2^-(shifts[c] + e))^2, with e <= most_shift the largest
/// shift by which the block's elements stay within range 2^-shifts[c], rounded down. `shifts` [channels] are n_c + m_i.
double block_variance(std::span<const int16_t> sample, const BlockLayout& layout, int32_t range,
                      std::span<const int32_t> shifts, int most_shift);

}  // namespace subbyte
