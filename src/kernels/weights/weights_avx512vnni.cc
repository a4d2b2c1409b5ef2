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
inline __m128i codes_of(__m512 value, __m512d inverse, __m512d low, __m512d high) {
  const auto rounded = [&](__m256 half) {
    const __m512d v = _mm512_mul_pd(_mm512_cvtps_pd(half), inverse);
    return _mm512_cvtpd_epi32(_mm512_min_pd(_mm512_max_pd(v, low), high));
  };
  const __m256i first = rounded(_mm512_castps512_ps256(value)), last = rounded(_mm512_extractf32x8_ps(value, 1));
  return _mm512_cvtepi32_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(first), last, 1));
}

void codes(const float* value, int64_t count, double inverse, int top, int8_t* code) {
  const __m512d by = _mm512_set1_pd(inverse), low = _mm512_set1_pd(-top), high = _mm512_set1_pd(top);
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(code + i), codes_of(_mm512_loadu_ps(value + i), by, low, high));
  if (i < count) generic::codes(value + i, count - i, inverse, top, code + i);
}

}  // namespace

extern const WeightKernels weight_kernels_avx512vnni;
const WeightKernels weight_kernels_avx512vnni = {generic::range, codes, forward_bytes, generic::forward<2>, backward_bytes,
                                                 generic::backward<2>, gradient};

}  // namespace subbyte
