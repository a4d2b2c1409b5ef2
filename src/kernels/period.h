// Per-channel constants laid out so that elementwise passes are flat loops. An image is [pixels][channels]; a constant of
// channel c is repeated to `period` entries (a multiple of the channels, at least 256), so that an inner loop is long and
// has no remainder for any number of channels.
#pragma once
#include <cstdint>

#include "base/buffer.h"

namespace subbyte {

inline int channel_period(int channels) { return channels * ((256 + channels - 1) / channels); }

/// Repeats channel values: out[i] = in[i % channels], i < channel_period(channels).
template <class T, class In>
void repeat_channels(const In* in, int channels, Buffer<T>& out) {
  const int period = channel_period(channels);
  out.resize(period);
  for (int c = 0; c < channels; ++c) out[c] = T(in[c]);
  for (int i = channels; i < period; ++i) out[i] = out[i - channels];
}

/// Largest |y| that products store in an int16 stream: one bit is kept for y - mu.
inline constexpr int32_t stream_limit = 16383;

/// Fixed-point product of the elementwise passes: (a * b + 2^14) >> 15, rounded half up; |a|, |b| < 2^15.
inline int16_t multiply_high(int16_t a, int16_t b) { return int16_t((((int32_t(a) * b) >> 14) + 1) >> 1); }

}  // namespace subbyte
