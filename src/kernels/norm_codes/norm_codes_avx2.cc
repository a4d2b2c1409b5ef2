// 32 elements a register; what is left, and what is rare, take the generic loops.
#include <immintrin.h>

#include <type_traits>

#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
namespace {

namespace generic {
#include "kernels/norm_codes/norm_codes_generic.inl"
}

using Vec = __m256i;

inline Vec all(int byte) { return _mm256_set1_epi8(char(byte)); }
inline Vec load(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Vec*>(p)); }
inline void store(uint8_t* p, Vec v) { _mm256_storeu_si256(reinterpret_cast<Vec*>(p), v); }

/// 32 bits as bytes of 0 or 255.
inline Vec spread(const uint8_t* bits) {
  int32_t word;
  __builtin_memcpy(&word, bits, 4);
  const Vec byte_of = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const Vec bit_of = _mm256_set1_epi64x(int64_t(0x8040201008040201u));
  return _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), byte_of), bit_of), bit_of);
}

void save(uint8_t* codes, const uint8_t* mask, int64_t count, const SavedNormCode& f, int start) {
  const Vec zero = all(1 << (f.code_bits - 1)), low = all((1 << f.shift()) - 1), inside = all(255 >> f.shift());
  const Vec levels = all((1 << f.magnitude_bits()) - 1), sign = all(1 << (f.saved_bits - 1));
  const Vec positive = all(1 << f.magnitude_bits());
  const __m128i drop = _mm_cvtsi32_si128(f.shift());
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec block = all(int(5 * (at / 64)) + start);
    for (int half = 0; half < 64; half += 32) {
      const Vec q = _mm256_sub_epi8(load(codes + at + half), zero), negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), q);
      const Vec dither = _mm256_and_si256(_mm256_add_epi8(load(generic::dither_lanes.at + half), block), low);
      const Vec sum = _mm256_add_epi8(_mm256_xor_si256(q, negative), dither);
      Vec code = _mm256_min_epu8(_mm256_and_si256(_mm256_srl_epi16(sum, drop), inside), levels);
      code = _mm256_or_si256(code, _mm256_and_si256(negative, sign));
      if (f.has_mask) code = _mm256_or_si256(code, _mm256_and_si256(spread(mask + (at + half) / 8), positive));
      store(codes + at + half, code);
    }
  }
  if (at < count) generic::save(codes + at, f.has_mask ? mask + at / 8 : nullptr, count - at, f, int(5 * (at / 64)) + start);
}

/// Bit i: whether byte i has the bit of `flag`.
inline uint32_t mask_of(Vec code, Vec flag) {
  return uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(code, flag), flag)));
}

/// More codes than a shuffle's table holds.
void restore_wide(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  const Vec zero = all(1 << (f.code_bits - 1)), low = all((1 << f.magnitude_bits()) - 1);
  const Vec sign = all(1 << (f.saved_bits - 1)), positive = all(1 << f.magnitude_bits());
  const __m128i raise = _mm_cvtsi32_si128(f.shift());
  int64_t at = 0;
  for (; at + 32 <= count; at += 32) {
    const Vec code = load(codes + at);
    const Vec magnitude = _mm256_sll_epi16(_mm256_and_si256(code, low), raise);  // below 128: nothing leaves its byte
    const Vec negative = _mm256_cmpeq_epi8(_mm256_and_si256(code, sign), sign);
    store(codes + at, _mm256_add_epi8(zero, _mm256_xor_si256(magnitude, negative)));
    if (!mask) continue;
    const uint32_t bits = mask_of(code, positive);
    __builtin_memcpy(mask + at / 8, &bits, 4);
  }
  if (at < count) generic::restore(codes + at, mask ? mask + at / 8 : nullptr, count - at, f);
}

void restore(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  if (f.saved_bits > 4) return restore_wide(codes, f.has_mask ? mask : nullptr, count, f);
  alignas(16) uint8_t table[16];  // what each code stands for
  for (int code = 0; code < 16; ++code) table[code] = uint8_t(code & ((1 << f.saved_bits) - 1));
  generic::restore(table, nullptr, 16, f);
  const Vec values = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  const Vec positive = all(1 << f.magnitude_bits());
  const bool writes_mask = f.has_mask && mask;
  int64_t at = 0;
  for (; at + 32 <= count; at += 32) {
    const Vec code = load(codes + at);
    store(codes + at, _mm256_shuffle_epi8(values, code));
    if (!writes_mask) continue;
    const uint32_t bits = mask_of(code, positive);
    __builtin_memcpy(mask + at / 8, &bits, 4);
  }
  if (at < count) generic::restore(codes + at, writes_mask ? mask + at / 8 : nullptr, count - at, f);
}

}  // namespace

extern const NormCodeKernels norm_code_kernels_avx2;
const NormCodeKernels norm_code_kernels_avx2 = {save, restore};

}  // namespace subbyte
