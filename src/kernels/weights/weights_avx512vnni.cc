#include <immintrin.h>

#include "kernels/weights/weights.h"

namespace subbyte {
namespace {

namespace generic {
#include "kernels/weights/weights_generic.inl"
}
#include "kernels/weights/transpose_avx512.inl"
#include "kernels/weights/weights_gradient_avx512.inl"
#include "kernels/weights/weights_pack_avx512.inl"

/// 16 codes; converting rounds half to even, as the specification's addition does.
inline __m512i codes_of(__m512 value, __m512d inverse_low, __m512d inverse_high, __m512d low, __m512d high) {
  const auto rounded = [&](__m256 half, __m512d by) {
    const __m512d v = _mm512_mul_pd(_mm512_cvtps_pd(half), by);
    return _mm512_cvtpd_epi32(_mm512_min_pd(_mm512_max_pd(v, low), high));
  };
  const __m256i first = rounded(_mm512_castps512_ps256(value), inverse_low);
  const __m256i last = rounded(_mm512_extractf32x8_ps(value, 1), inverse_high);
  return _mm512_inserti64x4(_mm512_castsi256_si512(first), last, 1);
}

inline void store_codes(int8_t* code, __m512i v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(code), _mm512_cvtepi32_epi8(v));
}

void codes(const float* value, int64_t count, double inverse, int top, int8_t* code) {
  const __m512d by = _mm512_set1_pd(inverse), low = _mm512_set1_pd(-top), high = _mm512_set1_pd(top);
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    store_codes(code + i, codes_of(_mm512_loadu_ps(value + i), by, by, low, high));
  if (i < count) generic::codes(value + i, count - i, inverse, top, code + i);
}

void filters(const float* value, int taps, int channels, double inverse, int top, int most_shift, int8_t* code) {
  const __m512d low = _mm512_set1_pd(-top), high = _mm512_set1_pd(top), whole = _mm512_set1_pd(inverse);
  int c = 0;
  for (; c + 16 <= channels; c += 16) {
    __m512 most = _mm512_setzero_ps();
    for (int tap = 0; tap < taps; ++tap)
      most = _mm512_max_ps(most, _mm512_abs_ps(_mm512_loadu_ps(value + int64_t(tap) * channels + c)));
    const __m512d most_low = _mm512_mul_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(most)), whole);
    const __m512d most_high = _mm512_mul_pd(_mm512_cvtps_pd(_mm512_extractf32x8_ps(most, 1)), whole);
    __m512i shift = _mm512_setzero_si512();
    __m512d by_low = whole, by_high = whole;
    for (int u = 0; u < most_shift; ++u) {
      const __m512d limit = _mm512_set1_pd((top + 0.5) * (1 << u)), half = _mm512_set1_pd(0.5);
      const __mmask8 first = _mm512_cmp_pd_mask(most_low, limit, _CMP_GT_OQ);
      const __mmask8 last = _mm512_cmp_pd_mask(most_high, limit, _CMP_GT_OQ);
      by_low = _mm512_mask_mul_pd(by_low, first, by_low, half);
      by_high = _mm512_mask_mul_pd(by_high, last, by_high, half);
      shift = _mm512_mask_add_epi32(shift, __mmask16(first | last << 8), shift, _mm512_set1_epi32(1));
    }
    for (int tap = 0; tap < taps; ++tap) {
      const int64_t at = int64_t(tap) * channels + c;
      store_codes(code + at, _mm512_sllv_epi32(codes_of(_mm512_loadu_ps(value + at), by_low, by_high, low, high), shift));
    }
  }
  if (c < channels) generic::filters_from(c, value, taps, channels, inverse, top, most_shift, code);
}

}  // namespace

extern const WeightKernels weight_kernels_avx512vnni;
const WeightKernels weight_kernels_avx512vnni = {generic::range,       codes,          filters,             forward_bytes,
                                                 generic::forward<2>, backward_bytes, generic::backward<2>, gradient};

}  // namespace subbyte
