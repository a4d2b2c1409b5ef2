// AVX-512 VNNI: one vpdpbusd (or vpdpwssd) multiplies and adds 16 words.
#include <immintrin.h>

#include <array>
#include <utility>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_sse.inl"
#include "kernels/conv/conv_product.inl"
#include "kernels/conv/conv_gradient.inl"
#include "kernels/conv/conv_pack.inl"

struct Vnni {
  using Vec = __m512i;
  static constexpr int lanes = 16, product_columns = 2, gradient_columns = 2;
  static constexpr bool has_pairs = false, has_offset = false;
  // 24 accumulators and their operands fit 32 registers; at least 10 hide the latency of two dots a cycle.
  template <Dot D, int NV>
  static constexpr int tile_pixels = NV == 2 ? 12 : 16;
  template <Dot D, int NV>
  static constexpr int usual_pixels = NV == 2 ? 8 : 16;
  template <int NV>
  static constexpr int gradient_rows3 = NV == 2 ? 4 : 8;
  template <int NV>
  static constexpr int gradient_rows1 = NV == 2 ? 8 : 16;
  template <Dot D>
  using Left = Vec;
  template <Dot D>
  using Right = Vec;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec all(int32_t v) { return _mm512_set1_epi32(v); }
  static Vec load(const void* p) { return _mm512_loadu_si512(p); }
  static void store(void* p, Vec v) { _mm512_storeu_si512(p, v); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_epi32(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_epi32(a, b); }
  static bool any_less(Vec a, Vec b) { return _mm512_cmplt_epi32_mask(a, b) != 0; }
  static Vec shift_left(Vec a, int count) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec shift_right(Vec a, int count) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  static void keep(Vec& v) { asm volatile("" : "+v"(v)); }
  template <Dot D>
  static Vec left(Vec a) { return a; }
  template <Dot D>
  static Vec right(Vec w) { return w; }
  /// In assembly, since GCC copies and spills accumulators around the intrinsics: half the speed.
  template <Dot D>
  static void dot(Vec& acc, Vec a, Vec w) {
    if constexpr (D == Dot::s16) asm("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
    else asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
  }
  static Vec add_pairs(Vec pairs, Vec, Vec) { return pairs; }
  static Vec widen(Vec acc, Vec) { return acc; }
  static void narrow_store(int16_t* p, Vec a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a));
  }
  static void narrow_store(int16_t* p, Vec a, Vec b) {
    const Vec even = _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28, 26, 24, 22, 20,
                                      18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    _mm512_storeu_si512(p, _mm512_permutex2var_epi16(a, even, b));
  }
  /// A transposition of 4 x 4 double words puts the four pixels of 4 channels into one lane, one of 4 x 4 bytes does the rest.
  static void interleave16(const uint8_t* pixel, int step, uint8_t* out) {
    Vec v;
    if (step == 16) {
      v = load(pixel);
    } else {
      v = _mm512_castsi128_si512(load16(pixel));
      v = _mm512_inserti32x4(v, load16(pixel + step), 1);
      v = _mm512_inserti32x4(v, load16(pixel + 2 * step), 2);
      v = _mm512_inserti32x4(v, load16(pixel + 3 * step), 3);
    }
    const Vec words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const Vec bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    store(out, _mm512_shuffle_epi8(_mm512_permutexvar_epi32(words, v), bytes));
  }
  /// Lane q of a register holds pixels of quad q: two byte and word interleavings give a channel's quads as double words,
  /// one permutation brings a channel's four together.
  static void transpose16(const uint8_t* const (&rows)[16], uint8_t* out, int64_t out_channel, int count) {
    auto quad = [&](int j) {
      Vec v = _mm512_castsi128_si512(load16(rows[j]));
      v = _mm512_inserti32x4(v, load16(rows[j + 4]), 1);
      v = _mm512_inserti32x4(v, load16(rows[j + 8]), 2);
      return _mm512_inserti32x4(v, load16(rows[j + 12]), 3);
    };
    const Vec a = quad(0), b = quad(1), c = quad(2), d = quad(3);
    const Vec ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
    const Vec ab_high = _mm512_unpackhi_epi8(a, b), cd_high = _mm512_unpackhi_epi8(c, d);
    const Vec order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask16 some = __mmask16((1u << count) - 1u);
    auto four = [&](Vec words, int channel) {
      const Vec v = _mm512_permutexvar_epi32(order, words);
      uint8_t* to = out + channel * out_channel;
      _mm_mask_storeu_epi8(to, some, _mm512_castsi512_si128(v));
      _mm_mask_storeu_epi8(to + out_channel, some, _mm512_extracti32x4_epi32(v, 1));
      _mm_mask_storeu_epi8(to + 2 * out_channel, some, _mm512_extracti32x4_epi32(v, 2));
      _mm_mask_storeu_epi8(to + 3 * out_channel, some, _mm512_extracti32x4_epi32(v, 3));
    };
    four(_mm512_unpacklo_epi16(ab, cd), 0);
    four(_mm512_unpackhi_epi16(ab, cd), 4);
    four(_mm512_unpacklo_epi16(ab_high, cd_high), 8);
    four(_mm512_unpackhi_epi16(ab_high, cd_high), 12);
  }
};

}  // namespace

extern const ConvKernels conv_kernels_avx512vnni;
const ConvKernels conv_kernels_avx512vnni = {product<Vnni>, weights_gradient<Vnni>, transpose<Vnni>, gradient_words<Vnni>};

}  // namespace subbyte
