// AVX-512 VNNI: one vpdpbusd (or vpdpwssd) multiplies and adds 16 words.
#include <immintrin.h>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_tiles.inl"

struct Vnni {
  using Vec = __m512i;
  static constexpr int lanes = 16, rows = 24;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec load(const void* p) { return _mm512_loadu_si512(p); }
  static void store(void* p, Vec v) { _mm512_storeu_si512(p, v); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec shift_left(Vec a, int count) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  template <Dot D>
  static Vec dot(Vec acc, Vec a, Vec w) {
    if constexpr (D == Dot::s16) return _mm512_dpwssd_epi32(acc, a, w);
    return _mm512_dpbusd_epi32(acc, a, w);
  }
};

}  // namespace

extern const ConvKernels conv_kernels_avx512vnni;
const ConvKernels conv_kernels_avx512vnni = {row<Vnni>, weights_gradient<Vnni>, slide};

}  // namespace subbyte
