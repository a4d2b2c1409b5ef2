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
  static void interleave16(const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3, uint8_t* out) {
    auto in = [](const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
    auto to = [&](int at, __m128i v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), v); };
    const __m128i a = in(p0), b = in(p1), c = in(p2), d = in(p3);
    const __m128i ab = _mm_unpacklo_epi8(a, b), cd = _mm_unpacklo_epi8(c, d);
    const __m128i ab_high = _mm_unpackhi_epi8(a, b), cd_high = _mm_unpackhi_epi8(c, d);
    to(0, _mm_unpacklo_epi16(ab, cd));
    to(16, _mm_unpackhi_epi16(ab, cd));
    to(32, _mm_unpacklo_epi16(ab_high, cd_high));
    to(48, _mm_unpackhi_epi16(ab_high, cd_high));
  }
  static void interleave8(const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3, uint8_t* out) {
    auto in = [](const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
    const __m128i ab = _mm_unpacklo_epi8(in(p0), in(p1)), cd = _mm_unpacklo_epi8(in(p2), in(p3));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi16(ab, cd));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), _mm_unpackhi_epi16(ab, cd));
  }
};

}  // namespace

extern const ConvKernels conv_kernels_avx2;
const ConvKernels conv_kernels_avx2 = {row<Avx2>, weights_gradient<Avx2>, slide<Avx2>};

}  // namespace subbyte
