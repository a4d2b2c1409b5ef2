// ShiftQuant's choices for one tensor: range, channel shifts, fixed-point grid (docs/method.md, section 3).
#pragma once
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "kernels/quantize/quantize.h"

namespace subbyte {

/// n = min(floor(log2(range / r)), groups - 1); r = 0 gives groups - 1.
int channel_shift(int32_t range, int32_t r, int groups);
int channel_shift(double range, double r, int groups);

/// Largest code: 2^bits - 1 unsigned, 2^(bits-1) - 1 signed.
inline int32_t top_code(int bits, bool is_signed) { return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1; }

struct Grid {
  double scale = 1;             ///< value of code 1 of a channel with shift 0
  std::vector<int32_t> shift;   ///< [channels]
  int32_t range = 1;            ///< in stream units
  int pre_shift = 0;            ///< k: range << k is in [2^14, 2^15)
  int16_t multiplier = 0;
  int fraction = 0;

  /// Constants of samples with shift m, repeated over a period.
  void constants(int m, Buffer<int16_t>& limit, Buffer<int16_t>& pow2) const;
};

/// `channel_range` in stream units (may exceed the int16 range only by clipping); `stream_scale` real units.
/// `most_fraction`: at most that many bits below the code (random numbers have 8).
Grid make_grid(const std::vector<int32_t>& channel_range, double stream_scale, int bits, bool is_signed, int groups,
               int most_fraction = 16);

}  // namespace subbyte
