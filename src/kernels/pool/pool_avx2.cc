#include <immintrin.h>

#include "kernels/pool/pool.h"

namespace subbyte {
namespace {
#include "kernels/pool/pool_generic.inl"

struct Lanes {
  static constexpr int lanes = 16;
  using Vec = __m256i;
  struct Sums { __m256i low, high; };  // as unpack orders them: pack restores the order
  static Vec load(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(int16_t* p, Vec v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Vec all(int v) { return _mm256_set1_epi16(int16_t(v)); }
  static void keep_larger(Vec& best, Vec& at, Vec v, Vec index) {
    at = _mm256_blendv_epi8(at, index, _mm256_cmpgt_epi16(v, best));
    best = _mm256_max_epi16(best, v);
  }
  static void store_bytes(uint8_t* p, Vec v) {
    const Vec bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(v, v), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(bytes));
  }
  static Vec load_where(const int16_t* p, const uint8_t* where, int index) {
    const __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(where)), _mm_set1_epi8(char(index)));
    return _mm256_and_si256(load(p), _mm256_cvtepi8_epi16(same));
  }
  static Sums sums(int32_t start) { return {_mm256_set1_epi32(start), _mm256_set1_epi32(start)}; }
  static void add(Sums& s, Vec a, Vec b) {
    s.low = _mm256_add_epi32(s.low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), all(1)));
    s.high = _mm256_add_epi32(s.high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), all(1)));
  }
  static Vec rounded(const Sums& s, int shift) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    return _mm256_packs_epi32(_mm256_sra_epi32(s.low, by), _mm256_sra_epi32(s.high, by));
  }
};
}  // namespace

extern const PoolKernels pool_kernels_avx2;
const PoolKernels pool_kernels_avx2 = {max<Lanes>, average<Lanes>, max_back<Lanes>, average_back<Lanes>};

}  // namespace subbyte
