#include <immintrin.h>

#include "kernels/pool/pool.h"

namespace subbyte {
namespace {
#include "kernels/pool/pool_generic.inl"

struct Lanes {
  static constexpr int lanes = 32;
  using Vec = __m512i;
  struct Sums { __m512i low, high; };  // as unpack orders them: pack restores the order
  static Vec load(const int16_t* p) { return _mm512_loadu_si512(p); }
  static void store(int16_t* p, Vec v) { _mm512_storeu_si512(p, v); }
  static Vec all(int v) { return _mm512_set1_epi16(int16_t(v)); }
  static void keep_larger(Vec& best, Vec& at, Vec v, Vec index) {
    at = _mm512_mask_mov_epi16(at, _mm512_cmpgt_epi16_mask(v, best), index);
    best = _mm512_max_epi16(best, v);
  }
  static void store_bytes(uint8_t* p, Vec v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi16_epi8(v));
  }
  static Vec load_where(const int16_t* p, const uint8_t* where, int index) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(where));
    return _mm512_maskz_loadu_epi16(_mm256_cmpeq_epi8_mask(at, _mm256_set1_epi8(char(index))), p);
  }
  static Sums sums(int32_t start) { return {_mm512_set1_epi32(start), _mm512_set1_epi32(start)}; }
  static void add(Sums& s, Vec a, Vec b) {
    s.low = _mm512_dpwssd_epi32(s.low, _mm512_unpacklo_epi16(a, b), all(1));
    s.high = _mm512_dpwssd_epi32(s.high, _mm512_unpackhi_epi16(a, b), all(1));
  }
  static Vec rounded(const Sums& s, int shift) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    return _mm512_packs_epi32(_mm512_sra_epi32(s.low, by), _mm512_sra_epi32(s.high, by));
  }
};
}  // namespace

extern const PoolKernels pool_kernels_avx512vnni;
const PoolKernels pool_kernels_avx512vnni = {max<Lanes>, average<Lanes>, max_back<Lanes>, average_back<Lanes>};

}  // namespace subbyte
