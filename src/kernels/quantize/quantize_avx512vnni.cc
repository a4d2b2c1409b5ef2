#include <immintrin.h>

#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {
#include "kernels/quantize/quantize_generic.inl"

struct Lanes {
  using Vec = __m512i;
  static constexpr int lanes = 8;
  static Vec all(uint32_t v) { return _mm512_set1_epi64(v); }
  static Vec counters(uint32_t first) {
    return _mm512_add_epi32(all(first), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
  }
  static Vec multiply(Vec a, Vec b) { return _mm512_mul_epu32(a, b); }
  static Vec high(Vec v) { return _mm512_srli_epi64(v, 32); }
  static Vec mix(Vec a, Vec b, Vec c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
  static void store_low(uint32_t* p, Vec v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi64_epi32(v));
  }
};
}  // namespace

extern const QuantizeKernels quantize_kernels_avx512vnni;
const QuantizeKernels quantize_kernels_avx512vnni = {nearest, stochastic, random<Lanes>, pack, unpack, channel_max, operand, energy};

}  // namespace subbyte
