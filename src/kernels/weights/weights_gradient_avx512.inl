// The weight gradient, 16 x 16 floats at a time.

/// 16 sums of neighbouring outputs times their units, as floats; every step as in the specification.
inline __m512i scaled(const WeightGradientSums& g, int64_t at, int n, double unit) {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  for (int p = 0; p < g.parts; ++p) {
    const __m512i sum = _mm512_sub_epi32(_mm512_loadu_si512(g.part[p].sum + at), _mm512_loadu_si512(g.part[p].zero_sum + n));
    low = _mm512_add_pd(low, _mm512_cvtepi32_pd(_mm512_castsi512_si256(sum)));
    high = _mm512_add_pd(high, _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(sum, 1)));
  }
  const __m512d input = _mm512_set1_pd(unit);
  low = _mm512_mul_pd(_mm512_mul_pd(low, input), _mm512_loadu_pd(g.output_unit + n));
  high = _mm512_mul_pd(_mm512_mul_pd(high, input), _mm512_loadu_pd(g.output_unit + n + 8));
  const __m512 floats = _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
  return _mm512_castps_si512(floats);
}

void gradient(const WeightGradientSums& g) {
  bool totals = false;
  for (int p = 0; p < g.parts; ++p) totals = totals || g.part[p].total;
  const int channels = g.channels / 16 * 16, end = totals ? g.begin : g.begin + (g.end - g.begin) / 16 * 16;
  for (int n = g.begin; n < end; n += 16)
    for (int tap = 0; tap < g.taps; ++tap)
      for (int c0 = 0; c0 < channels; c0 += 16) {
        __m512i v[16];
#pragma GCC unroll 16
        for (int c = 0; c < 16; ++c) v[c] = scaled(g, (int64_t(tap) * g.k + c0 + c) * g.n + n, n, g.input_unit[c0 + c]);
        transpose(v);
        float* to = g.grad + (int64_t(n) * g.taps + tap) * g.channels + c0;
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + int64_t(i) * g.taps * g.channels, v[i]);
      }
  // What is left: the last channels of those outputs, all of the last outputs.
  WeightGradientSums rest = g;
  rest.begin = end;
  if (rest.begin < rest.end) generic::gradient(rest);
  rest.begin = g.begin, rest.end = end;
  if (channels < g.channels && rest.begin < rest.end) generic::gradient_channels(rest, channels);
}
