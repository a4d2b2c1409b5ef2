// AVX2: vpmaddubsw forms pairs of u8 * s8 in int16 and would saturate at full range, so wide operands are split into
// nibbles of the unsigned side, whose pairs stay below 2 * 15 * 128.
#include <immintrin.h>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_tiles.inl"

struct Avx2 {
  using Vec = __m256i;
  static constexpr int lanes = 8, rows = 8;
  static Vec zero() { return _mm256_setzero_si256(); }
  static Vec load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(void* p, Vec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  static Vec shift_left(Vec a, int count) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
  }
  template <Dot D>
  static Vec dot(Vec acc, Vec a, Vec w) {
    if constexpr (D == Dot::s16) return add(acc, _mm256_madd_epi16(a, w));
    const Vec ones = _mm256_set1_epi16(1);
    if constexpr (D == Dot::u8s8) return add(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(a, w), ones));
    const Vec nibble = _mm256_set1_epi8(15);
    const Vec low = _mm256_maddubs_epi16(_mm256_and_si256(a, nibble), w);
    const Vec high = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(a, 4), nibble), w);
    return add(add(acc, _mm256_madd_epi16(low, ones)), _mm256_madd_epi16(high, _mm256_set1_epi16(16)));
  }
};

}  // namespace

extern const ConvKernels conv_kernels_avx2;
const ConvKernels conv_kernels_avx2 = {row<Avx2>, weights_gradient<Avx2>, slide};

}  // namespace subbyte
