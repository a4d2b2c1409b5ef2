// AVX2: vpmaddubsw forms pairs of u8 * s8 in int16. Narrow operands leave room to add many of them up before they are
// widened; wide ones would saturate, so they go through vpmaddwd, even and odd bytes apart.
#include <immintrin.h>

#include <type_traits>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_tiles.inl"

struct Avx2 {
  using Vec = __m256i;
  static constexpr int lanes = 8, rows = 8, gradient_rows = 4, gradient_columns = 2;
  static constexpr bool has_pairs = true;
  struct Halves {
    Vec even, odd;  // int16
  };
  struct Whole {
    Vec v;
  };
  template <Dot D>
  using Left = std::conditional_t<D == Dot::u8s8_wide, Halves, Whole>;
  template <Dot D>
  using Right = Left<D>;
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
  static Vec add_pairs(Vec pairs, Vec a, Vec w) { return _mm256_add_epi16(pairs, _mm256_maddubs_epi16(a, w)); }
  static Vec widen(Vec acc, Vec pairs) { return add(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))); }
  template <Dot D>
  static Left<D> left(Vec a) {
    if constexpr (D == Dot::u8s8_wide) return {_mm256_and_si256(a, _mm256_set1_epi16(255)), _mm256_srli_epi16(a, 8)};
    else return {a};
  }
  template <Dot D>
  static Right<D> right(Vec w) {
    if constexpr (D == Dot::u8s8_wide) return {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
    else return {w};
  }
  template <Dot D>
  static Vec dot(Vec acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) return add(acc, _mm256_madd_epi16(a.v, w.v));
    else return add(add(acc, _mm256_madd_epi16(a.even, w.even)), _mm256_madd_epi16(a.odd, w.odd));
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
