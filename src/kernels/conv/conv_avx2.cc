// AVX2: vpmaddubsw forms pairs of u8 * s8 in int16. Narrow operands leave room to add many of them up before they are
// widened; wide ones would saturate, so they go through vpmaddwd, even and odd bytes apart.
#include <immintrin.h>

#include <type_traits>
#include <utility>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_sse.inl"
#include "kernels/conv/conv_product.inl"
#include "kernels/conv/conv_gradient.inl"
#include "kernels/conv/conv_pack.inl"

struct Avx2 {
  using Vec = __m256i;
  static constexpr int lanes = 8, product_columns = 2, gradient_columns = 2;
  static constexpr bool has_pairs = true, has_offset = false;
  static constexpr int row_pair = 0;
  // 12 pair sums, two columns, a broadcast and a product are the 16 registers; wide operands need two of each.
  template <Dot D, int NV>
  static constexpr int tile_pixels = D == Dot::u8s8_wide ? 4 : 6;
  template <Dot D, int NV>
  static constexpr int usual_pixels = tile_pixels<D, NV>;
  template <int NV>
  static constexpr int gradient_rows3 = 2;
  template <int NV>
  static constexpr int gradient_rows1 = 4;
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
  static Vec all(int32_t v) { return _mm256_set1_epi32(v); }
  static Vec load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(void* p, Vec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  static Vec min(Vec a, Vec b) { return _mm256_min_epi32(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_epi32(a, b); }
  static bool any_less(Vec a, Vec b) { return _mm256_movemask_epi8(_mm256_cmpgt_epi32(b, a)) != 0; }
  static Vec shift_left(Vec a, int count) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec shift_right(Vec a, int count) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
  }
  static void keep(Vec& v) { asm volatile("" : "+x"(v)); }
  static Vec add_pairs(Vec pairs, Whole a, Whole w) { return _mm256_add_epi16(pairs, _mm256_maddubs_epi16(a.v, w.v)); }
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
  static void dot(Vec& acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) acc = add(acc, _mm256_madd_epi16(a.v, w.v));
    else if constexpr (D == Dot::u8s8_wide)
      acc = add(acc, add(_mm256_madd_epi16(a.even, w.even), _mm256_madd_epi16(a.odd, w.odd)));
  }
  static void narrow_store(int16_t* p, Vec a) {
    const __m128i v = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
  }
  static void narrow_store(int16_t* p, Vec a, Vec b) { store(p, _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8)); }
  static void interleave16(const uint8_t* pixel, int step, uint8_t* out) {
    interleave_words(pixel, pixel + step, pixel + 2 * step, pixel + 3 * step, out);
  }
  template <int Bits>
  static void transpose16(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel, int count) {
    const uint8_t* rows[16];
    alignas(16) uint8_t unpacked[Bits == 4 ? 16 : 1][16];
    for (int i = 0; i < 16; ++i) {
      rows[i] = pixels + (i < count ? i : count - 1) * step;
      if constexpr (Bits == 4) {
        const __m128i byte = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows[i])), low = _mm_set1_epi8(15);
        const __m128i high = _mm_and_si128(_mm_srli_epi16(byte, 4), low);
        _mm_store_si128(reinterpret_cast<__m128i*>(unpacked[i]), _mm_unpacklo_epi8(_mm_and_si128(byte, low), high));
        rows[i] = unpacked[i];
      }
    }
    transpose_rows16(rows, out, out_channel, count);
  }
  static void transpose_rows16(const uint8_t* const (&rows)[16], uint8_t* out, int64_t out_channel, int count) {
    alignas(16) uint8_t word[4][64];
    for (int q = 0; q < 4; ++q) interleave_words(rows[4 * q], rows[4 * q + 1], rows[4 * q + 2], rows[4 * q + 3], word[q]);
    for (int four = 0; four < 4; ++four) {  // channels 4 four .. 4 four + 3: transpose 4 x 4 double words
      const __m128i a = load16(word[0] + 16 * four), b = load16(word[1] + 16 * four);
      const __m128i c = load16(word[2] + 16 * four), d = load16(word[3] + 16 * four);
      const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
      const __m128i ab_high = _mm_unpackhi_epi32(a, b), cd_high = _mm_unpackhi_epi32(c, d);
      const __m128i channel[4] = {_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd),
                                  _mm_unpacklo_epi64(ab_high, cd_high), _mm_unpackhi_epi64(ab_high, cd_high)};
      for (int i = 0; i < 4; ++i) {
        uint8_t* to = out + (4 * four + i) * out_channel;
        if (count == 16) {
          store16(to, channel[i]);
        } else {
          uint8_t bytes[16];
          store16(bytes, channel[i]);
          for (int j = 0; j < count; ++j) to[j] = bytes[j];
        }
      }
    }
  }
};

}  // namespace

extern const ConvKernels conv_kernels_avx2;
const ConvKernels conv_kernels_avx2 = {product<Avx2>, weights_gradient<Avx2>, transpose<Avx2>, gradient_words<Avx2>};

}  // namespace subbyte
