// 32 elements a register. Where channels divide a register or are whole registers, one register of constants serves all
// pixels; other shapes, and what is rare, take the generic loops.
#include <immintrin.h>

#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {

namespace generic {
#include "kernels/quantize/quantize_generic.inl"
}

using Vec = __m512i;

bool whole_registers(int64_t count, int period) { return count % 32 == 0 && period % 32 == 0 && period <= 4096; }

inline Vec load(const void* p) { return _mm512_loadu_si512(p); }
inline void store_bytes(void* p, Vec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi16_epi8(v)); }

/// Calls body(at, grid value) for every register, constants of one position after the other.
template <class Body>
inline void each_grid_value(const int16_t* z, int64_t count, const QuantizeGrid& g, Body body) {
  const Vec multiplier = _mm512_set1_epi16(g.multiplier);
  for (int from = 0; from < g.period && from < count; from += 32) {
    const Vec limit = load(g.limit + from), pow2 = load(g.pow2 + from);
    const Vec least = _mm512_sub_epi16(_mm512_setzero_si512(), limit);
    for (int64_t at = from; at < count; at += g.period) {
      const Vec v = _mm512_max_epi16(_mm512_min_epi16(load(z + at), limit), least);
      body(at, _mm512_mulhrs_epi16(_mm512_mullo_epi16(v, pow2), multiplier));
    }
  }
}

void nearest(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, uint8_t* codes) {
  if (!whole_registers(count, g.period)) return generic::nearest(z, count, g, zero, codes);
  const __m128i fraction = _mm_cvtsi32_si128(g.fraction);
  const Vec one = _mm512_set1_epi16(1), below_half = _mm512_set1_epi16(int16_t((1 << (g.fraction - 1)) - 1));
  const Vec offset = _mm512_set1_epi16(int16_t(zero));
  each_grid_value(z, count, g, [&](int64_t at, Vec v) {
    const Vec odd = _mm512_and_si512(_mm512_sra_epi16(v, fraction), one);
    const Vec q = _mm512_sra_epi16(_mm512_add_epi16(_mm512_add_epi16(v, odd), below_half), fraction);
    store_bytes(codes + at, _mm512_add_epi16(q, offset));
  });
}

void stochastic(const int16_t* z, int64_t count, const QuantizeGrid& g, const uint8_t* random, int8_t* codes) {
  if (!whole_registers(count, g.period)) return generic::stochastic(z, count, g, random, codes);
  const __m128i fraction = _mm_cvtsi32_si128(g.fraction), rest = _mm_cvtsi32_si128(8 - g.fraction);
  each_grid_value(z, count, g, [&](int64_t at, Vec v) {
    const Vec r = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(random + at)));
    const Vec u = _mm512_srl_epi16(r, rest);
    store_bytes(codes + at, _mm512_sra_epi16(_mm512_add_epi16(v, u), fraction));
  });
}

/// 16 counters as 2 x 8 lanes of 64 bits, of which the low halves count; what the high halves hold is never read.
void random(const RandomStream& s, int64_t count, uint16_t* out) {
  alignas(64) uint64_t keys[10][2];  // read by broadcasting loads
  for (uint32_t round = 0; round < 10; ++round) {
    keys[round][0] = s.key.k0 + round * 0x9E3779B9u;
    keys[round][1] = s.key.k1 + round * 0xBB67AE85u;
  }
  const Vec m0 = _mm512_set1_epi64(0xD2511F53u), m1 = _mm512_set1_epi64(0xCD9E8D57u);
  const Vec lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), eight = _mm512_set1_epi64(8);
  const Vec tensor = _mm512_set1_epi64(s.tensor), step = _mm512_set1_epi64(s.step), use = _mm512_set1_epi64(s.use);
  const Vec low_halves = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  for (int64_t at = 0; at < count; at += 128) {
    const Vec first = _mm512_add_epi32(_mm512_set1_epi64(s.first_counter + uint32_t(at / 8)), lanes);
    Vec x0[2] = {first, _mm512_add_epi32(first, eight)}, x1[2] = {tensor, tensor}, x2[2] = {step, step}, x3[2] = {use, use};
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round)
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        const Vec p0 = _mm512_mul_epu32(x0[i], m0), p1 = _mm512_mul_epu32(x2[i], m1);
        x0[i] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), x1[i], _mm512_set1_epi64(int64_t(keys[round][0])), 0x96);
        x2[i] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), x3[i], _mm512_set1_epi64(int64_t(keys[round][1])), 0x96);
        x1[i] = p1;
        x3[i] = p0;
      }
    auto words = [&](int w, const Vec(&x)[2]) {
      _mm512_storeu_si512(out + at + 32 * w, _mm512_permutex2var_epi32(x[0], low_halves, x[1]));
    };
    words(0, x0);
    words(1, x1);
    words(2, x2);
    words(3, x3);
  }
}

void pack(const uint8_t* codes, int64_t count, int bits, uint8_t* packed) {
  if (bits != 4) return generic::pack(codes, count, bits, packed);
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec pair = load(codes + at);
    store_bytes(packed + at / 2, _mm512_or_si512(pair, _mm512_srli_epi16(pair, 4)));
  }
  if (at < count) generic::pack(codes + at, count - at, bits, packed + at / 2);
}

inline void unpack_nibbles(const uint8_t* packed, int64_t count, uint8_t* codes) {
  const Vec nibbles = _mm512_set1_epi8(15);
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const Vec pair = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed + at / 2)));
    _mm512_storeu_si512(codes + at, _mm512_and_si512(_mm512_or_si512(pair, _mm512_slli_epi16(pair, 4)), nibbles));
  }
  if (at < count) generic::unpack(packed + at / 2, count - at, 4, codes + at);
}

void unpack(const uint8_t* packed, int64_t count, int bits, uint8_t* codes) {
  if (bits == 4) unpack_nibbles(packed, count, codes);
  else generic::unpack(packed, count, bits, codes);
}

void unpack_rows(const uint8_t* packed, int rows, int64_t count, int bits, uint8_t* codes, int64_t step) {
  if (bits != 4) return generic::unpack_rows(packed, rows, count, bits, codes, step);
  for (int row = 0; row < rows; ++row) unpack_nibbles(packed + row * (count / 2), count, codes + row * step);
}

/// Two registers of codes, 64 of them, become 32 bytes of nibbles.
void nearest_packed(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, int bits, uint8_t* packed) {
  if (bits != 4 || !whole_registers(count, g.period)) return generic::nearest_packed(z, count, g, zero, bits, packed);
  const __m128i fraction = _mm_cvtsi32_si128(g.fraction);
  const Vec one = _mm512_set1_epi16(1), below_half = _mm512_set1_epi16(int16_t((1 << (g.fraction - 1)) - 1));
  const Vec offset = _mm512_set1_epi16(int16_t(zero));
  each_grid_value(z, count, g, [&](int64_t at, Vec v) {
    const Vec odd = _mm512_and_si512(_mm512_sra_epi16(v, fraction), one);
    Vec q = _mm512_sra_epi16(_mm512_add_epi16(_mm512_add_epi16(v, odd), below_half), fraction);
    q = _mm512_add_epi16(q, offset);  // neighbours in one double word: the odd one's nibble comes down to bits 4..7
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_or_si512(q, _mm512_srli_epi32(q, 12)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + at / 2), bytes);
  });
}

}  // namespace

extern const QuantizeKernels quantize_kernels_avx512vnni;
const QuantizeKernels quantize_kernels_avx512vnni = {
    nearest, stochastic, random, nearest_packed, pack, unpack, unpack_rows, generic::channel_max, generic::fold_ranges,
    generic::operand, generic::energy};

}  // namespace subbyte
