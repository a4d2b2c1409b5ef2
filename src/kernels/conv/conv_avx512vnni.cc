// AVX-512 VNNI: one vpdpbusd (or vpdpwssd) multiplies and adds 16 words.
#include <immintrin.h>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_tiles.inl"

struct Vnni {
  using Vec = __m512i;
  static constexpr int lanes = 16, rows = 24, gradient_rows = 16, gradient_columns = 1;
  static constexpr bool has_pairs = false;
  template <Dot D>
  using Left = Vec;
  template <Dot D>
  using Right = Vec;
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
  static Vec left(Vec a) { return a; }
  template <Dot D>
  static Vec right(Vec w) { return w; }
  template <Dot D>
  static Vec dot(Vec acc, Vec a, Vec w) {
    if constexpr (D == Dot::s16) return _mm512_dpwssd_epi32(acc, a, w);
    return _mm512_dpbusd_epi32(acc, a, w);
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

extern const ConvKernels conv_kernels_avx512vnni;
const ConvKernels conv_kernels_avx512vnni = {row<Vnni>, weights_gradient<Vnni>, slide<Vnni>};

}  // namespace subbyte
