// Channels innermost: the compiler turns these loops into vectors of the including file's instruction set.

inline void multiply_add(const int16_t* __restrict a, const int16_t* __restrict b, int n, int32_t* __restrict sum) {
  for (int i = 0; i < n; ++i) sum[i] = int32_t(uint32_t(sum[i]) + uint32_t(int32_t(a[i]) * b[i]));
}

void row(const DepthwiseRow& d) {
  for (int p = 0; p < d.pixels; ++p) {
    int32_t* out = d.out + int64_t(p) * d.channels;
    for (int c = 0; c < d.channels; ++c) out[c] = 0;
    for (int tap = 0; tap < d.taps; ++tap)
      multiply_add(d.x + int64_t(p) * d.step + d.tap_offset[tap], d.w + tap * d.channels, d.channels, out);
  }
}

void gradient(const DepthwiseGradient& d) {
  for (int tap = 0; tap < d.taps; ++tap)
    for (int p = 0; p < d.pixels; ++p)
      multiply_add(d.x + int64_t(p) * d.step + d.tap_offset[tap], d.g + int64_t(p) * d.channels, d.channels,
                   d.dw + tap * d.channels);
}
