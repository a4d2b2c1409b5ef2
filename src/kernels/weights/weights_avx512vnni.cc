#include <immintrin.h>

#include "kernels/weights/weights.h"

namespace subbyte {
namespace {

namespace generic {
#include "kernels/weights/weights_generic.inl"
}

/// 16 sums of neighbouring outputs times their units, as floats; every step as in the specification.
inline __m512 scaled(const WeightGradientSums& g, int64_t at, int n, double unit) {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  for (int p = 0; p < g.parts; ++p) {
    const __m512i sum = _mm512_sub_epi32(_mm512_loadu_si512(g.part[p].sum + at), _mm512_loadu_si512(g.part[p].zero_sum + n));
    low = _mm512_add_pd(low, _mm512_cvtepi32_pd(_mm512_castsi512_si256(sum)));
    high = _mm512_add_pd(high, _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(sum, 1)));
  }
  const __m512d input = _mm512_set1_pd(unit);
  low = _mm512_mul_pd(_mm512_mul_pd(low, input), _mm512_loadu_pd(g.output_unit + n));
  high = _mm512_mul_pd(_mm512_mul_pd(high, input), _mm512_loadu_pd(g.output_unit + n + 8));
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}

/// 16 x 16 floats: lanes of 4 x 4 by unpacking, then the lanes themselves.
inline void transpose(__m512 (&v)[16]) {
  __m512 t[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512 a = _mm512_unpacklo_ps(v[i], v[i + 1]), b = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
    const __m512 c = _mm512_unpackhi_ps(v[i], v[i + 1]), d = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
    auto low = [](__m512 x, __m512 y) {
      return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
    };
    auto high = [](__m512 x, __m512 y) {
      return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
    };
    t[i] = low(a, b), t[i + 1] = high(a, b), t[i + 2] = low(c, d), t[i + 3] = high(c, d);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {  // lane l of t[4 k + j] holds rows 4 k .. 4 k + 3 of column 4 l + j
    const __m512 a = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x88), b = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x88);
    const __m512 c = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xDD), d = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xDD);
    v[j] = _mm512_shuffle_f32x4(a, b, 0x88);
    v[8 + j] = _mm512_shuffle_f32x4(a, b, 0xDD);
    v[4 + j] = _mm512_shuffle_f32x4(c, d, 0x88);
    v[12 + j] = _mm512_shuffle_f32x4(c, d, 0xDD);
  }
}

void gradient(const WeightGradientSums& g) {
  bool totals = false;
  for (int p = 0; p < g.parts; ++p) totals = totals || g.part[p].total;
  const int channels = g.channels / 16 * 16, end = totals ? g.begin : g.begin + (g.end - g.begin) / 16 * 16;
  for (int n = g.begin; n < end; n += 16)
    for (int tap = 0; tap < g.taps; ++tap)
      for (int c0 = 0; c0 < channels; c0 += 16) {
        __m512 v[16];
#pragma GCC unroll 16
        for (int c = 0; c < 16; ++c) v[c] = scaled(g, (int64_t(tap) * g.k + c0 + c) * g.n + n, n, g.input_unit[c0 + c]);
        transpose(v);
        float* to = g.grad + (int64_t(n) * g.taps + tap) * g.channels + c0;
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) _mm512_storeu_ps(to + int64_t(i) * g.taps * g.channels, v[i]);
      }
  // What is left: the last channels of those outputs, all of the last outputs.
  WeightGradientSums rest = g;
  rest.begin = end;
  if (rest.begin < rest.end) generic::gradient(rest);
  rest.begin = g.begin, rest.end = end;
  if (channels < g.channels && rest.begin < rest.end) generic::gradient_channels(rest, channels);
}

}  // namespace

extern const WeightKernels weight_kernels_avx512vnni;
const WeightKernels weight_kernels_avx512vnni = {
    generic::range,      generic::codes,       generic::forward<4>, generic::forward<2>, generic::backward<4>,
    generic::backward<2>, gradient};

}  // namespace subbyte
