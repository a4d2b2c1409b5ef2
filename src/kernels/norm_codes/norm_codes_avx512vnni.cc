// 64 elements a register; what is left, and what is rare, take the generic loops.
#include <immintrin.h>

#include <type_traits>

#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
namespace {

namespace generic {
#include "kernels/norm_codes/norm_codes_generic.inl"
}

using Vec = __m512i;

void save(uint8_t* codes, const uint8_t* mask, int64_t count, const SavedNormCode& f, int start) {
  const Vec zero = _mm512_set1_epi8(char(1 << (f.code_bits - 1)));
  const Vec low = _mm512_set1_epi8(char((1 << f.shift()) - 1)), lanes = _mm512_load_si512(generic::dither_lanes.at);
  const Vec levels = _mm512_set1_epi8(char((1 << f.magnitude_bits()) - 1));
  const Vec sign = _mm512_set1_epi8(char(1 << (f.saved_bits - 1))), positive = _mm512_set1_epi8(char(1 << f.magnitude_bits()));
  const Vec inside = _mm512_set1_epi8(char(255 >> f.shift()));  // a double byte's shift brings in the neighbour's bits
  const __m128i drop = _mm_cvtsi32_si128(f.shift());
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec q = _mm512_sub_epi8(_mm512_loadu_si512(codes + at), zero);
    const Vec dither = _mm512_and_si512(_mm512_add_epi8(lanes, _mm512_set1_epi8(char(5 * (at / 64) + start))), low);
    const __mmask64 negative = _mm512_movepi8_mask(q);
    const Vec sum = _mm512_add_epi8(_mm512_xor_si512(q, _mm512_movm_epi8(negative)), dither);
    Vec code = _mm512_min_epu8(_mm512_and_si512(_mm512_srl_epi16(sum, drop), inside), levels);
    code = _mm512_mask_add_epi8(code, negative, code, sign);
    if (f.has_mask) {
      __mmask64 bits;
      __builtin_memcpy(&bits, mask + at / 8, 8);
      code = _mm512_mask_add_epi8(code, bits, code, positive);
    }
    _mm512_storeu_si512(codes + at, code);
  }
  if (at < count) generic::save(codes + at, mask + at / 8, count - at, f, int(5 * (at / 64)) + start);
}

/// More codes than a shuffle's table holds.
void restore_wide(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  const Vec zero = _mm512_set1_epi8(char(1 << (f.code_bits - 1))), low = _mm512_set1_epi8(char((1 << f.magnitude_bits()) - 1));
  const Vec sign = _mm512_set1_epi8(char(1 << (f.saved_bits - 1))), positive = _mm512_set1_epi8(char(1 << f.magnitude_bits()));
  const __m128i raise = _mm_cvtsi32_si128(f.shift());
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec code = _mm512_loadu_si512(codes + at);
    const Vec magnitude = _mm512_sll_epi16(_mm512_and_si512(code, low), raise);  // below 128: nothing leaves its byte
    const Vec negative = _mm512_movm_epi8(_mm512_test_epi8_mask(code, sign));
    _mm512_storeu_si512(codes + at, _mm512_add_epi8(zero, _mm512_xor_si512(magnitude, negative)));
    if (!mask) continue;
    const __mmask64 bits = _mm512_test_epi8_mask(code, positive);
    __builtin_memcpy(mask + at / 8, &bits, 8);
  }
  if (at < count) generic::restore(codes + at, mask ? mask + at / 8 : nullptr, count - at, f);
}

void restore(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  if (f.saved_bits > 4) return restore_wide(codes, f.has_mask ? mask : nullptr, count, f);
  alignas(16) uint8_t table[16] = {};  // what each code stands for
  const int signs = f.saved_bits - 1;
  for (int code = 0; code < 1 << f.saved_bits; ++code) {
    const int magnitude = (code & ((1 << f.magnitude_bits()) - 1)) << f.shift();
    table[code] = uint8_t((1 << (f.code_bits - 1)) + (code >> signs ? -1 - magnitude : magnitude));
  }
  const Vec values = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  const Vec positive = _mm512_set1_epi8(char(1 << f.magnitude_bits()));
  const bool writes_mask = f.has_mask && mask;
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec code = _mm512_loadu_si512(codes + at);
    _mm512_storeu_si512(codes + at, _mm512_shuffle_epi8(values, code));
    if (!writes_mask) continue;
    const __mmask64 bits = _mm512_test_epi8_mask(code, positive);
    __builtin_memcpy(mask + at / 8, &bits, 8);
  }
  if (at < count) generic::restore(codes + at, writes_mask ? mask + at / 8 : nullptr, count - at, f);
}

}  // namespace

extern const NormCodeKernels norm_code_kernels_avx512vnni;
const NormCodeKernels norm_code_kernels_avx512vnni = {save, restore};

}  // namespace subbyte
