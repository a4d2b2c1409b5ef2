#include <immintrin.h>

#include "kernels/norm/norm.h"

namespace subbyte {
namespace {

// Comparisons give bits here: 32 elements a mask register.
#define SUBBYTE_OWN_MASK
inline void store_mask(const int16_t* z, int64_t count, uint8_t* mask) {
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const uint32_t bits = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(z + i), _mm512_setzero_si512());
    __builtin_memcpy(mask + i / 8, &bits, 4);
  }
  for (; i < count; i += 8) {
    const __mmask32 inside = (count - i >= 8 ? 255u : (1u << (count - i)) - 1u);
    const __m512i v = _mm512_maskz_loadu_epi16(inside, z + i);
    mask[i / 8] = uint8_t(_mm512_cmpgt_epi16_mask(v, _mm512_setzero_si512()));
  }
}

inline void apply_mask(int16_t* delta, int64_t count, const uint8_t* mask) {
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    uint32_t bits;
    __builtin_memcpy(&bits, mask + i / 8, 4);
    _mm512_storeu_si512(delta + i, _mm512_maskz_mov_epi16(bits, _mm512_loadu_si512(delta + i)));
  }
  for (; i < count; ++i)
    if (!((mask[i / 8] >> (i % 8)) & 1)) delta[i] = 0;
}

#include "kernels/norm/norm_generic.inl"
}  // namespace

extern const NormKernels norm_kernels_avx512vnni;
const NormKernels norm_kernels_avx512vnni = {narrow, deviation, forward, reduce, backward, combine};

}  // namespace subbyte
