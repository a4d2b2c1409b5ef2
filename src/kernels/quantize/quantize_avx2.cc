#include <immintrin.h>

#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {
#include "kernels/quantize/quantize_generic.inl"

struct Lanes {
  using Vec = __m256i;
  static constexpr int lanes = 4;
  static Vec all(uint32_t v) { return _mm256_set1_epi64x(v); }
  static Vec counters(uint32_t first) { return _mm256_add_epi32(all(first), _mm256_set_epi64x(3, 2, 1, 0)); }
  static Vec multiply(Vec a, Vec b) { return _mm256_mul_epu32(a, b); }
  static Vec high(Vec v) { return _mm256_srli_epi64(v, 32); }
  static Vec mix(Vec a, Vec b, Vec c) { return _mm256_xor_si256(a, _mm256_xor_si256(b, c)); }
  static void store_low(uint32_t* p, Vec v) {
    const Vec even = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(even));
  }
};
}  // namespace

extern const QuantizeKernels quantize_kernels_avx2;
const QuantizeKernels quantize_kernels_avx2 = {
    nearest,     stochastic,  random<Lanes>, nearest_packed, nearest_blocks, unpack_blocks, pack, unpack,
    unpack_rows, channel_max, fold_ranges,   operand};

}  // namespace subbyte
