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

/// 32 lanes of a block: their shifts from two passes over at most 16 registers, the second of which writes the codes.
inline void stochastic_lanes(const int16_t* z, int rows, int64_t lanes, Vec limit, Vec pow2, Vec multiplier, __m128i fraction,
                             int most_shift, const uint8_t* random, int8_t* codes) {
  Vec top = _mm512_setzero_si512(), factor = _mm512_set1_epi16(int16_t(1 << most_shift));
  for (int row = 0; row < rows; ++row) top = _mm512_max_epi16(top, _mm512_abs_epi16(load(z + row * lanes)));
  for (int e = 0; e < most_shift; ++e) {
    const Vec half = _mm512_srli_epi16(limit, 1);
    const __mmask32 fits = _mm512_cmple_epi16_mask(top, half);  // false once, false for all smaller halves
    limit = _mm512_mask_mov_epi16(limit, fits, half);
    pow2 = _mm512_mask_slli_epi16(pow2, fits, pow2, 1);
    factor = _mm512_mask_srli_epi16(factor, fits, factor, 1);
  }
  const __m128i rest = _mm_sub_epi64(_mm_cvtsi32_si128(8), fraction);
  const Vec least = _mm512_sub_epi16(_mm512_setzero_si512(), limit);
  for (int row = 0; row < rows; ++row) {
    const Vec v = _mm512_max_epi16(_mm512_min_epi16(load(z + row * lanes), limit), least);
    const Vec grid = _mm512_mulhrs_epi16(_mm512_mullo_epi16(v, pow2), multiplier);
    const Vec r = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(random + row * lanes)));
    const Vec q = _mm512_sra_epi16(_mm512_add_epi16(grid, _mm512_srl_epi16(r, rest)), fraction);
    store_bytes(codes + row * lanes, _mm512_mullo_epi16(q, factor));
  }
}

void stochastic(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, const uint8_t* random,
                int8_t* codes) {
  const int64_t lanes = block_lanes(channels);
  if (lanes % 32 != 0 || count % lanes != 0)
    return generic::stochastic(z, count, g, channels, most_shift, random, codes);
  const __m128i fraction = _mm_cvtsi32_si128(g.fraction);
  const Vec multiplier = _mm512_set1_epi16(g.multiplier);
  for (int64_t at = 0; at < count; at += block_rows * lanes) {
    const int64_t left = (count - at) / lanes;
    const int rows = left < block_rows ? int(left) : block_rows;
    for (int64_t lane = 0; lane < lanes; lane += 32)
      stochastic_lanes(z + at + lane, rows, lanes, load(g.limit + lane), load(g.pow2 + lane), multiplier, fraction, most_shift,
                       random + at + lane, codes + at + lane);
  }
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

/// body(at) packs the codes at + 0 to 63 and the generic loops what is left, and likewise back.
template <class Body>
inline void pack_each(const uint8_t* codes, int64_t count, int bits, uint8_t* packed, Body body) {
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) body(load(codes + at), packed + at / 8 * bits);
  if (at < count) generic::pack(codes + at, count - at, bits, packed + at / 8 * bits);
}

template <class Body>
inline void unpack_each(const uint8_t* packed, int64_t count, int bits, uint8_t* codes, Body body) {
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) _mm512_storeu_si512(codes + at, body(packed + at / 8 * bits));
  if (at < count) generic::unpack(packed + at / 8 * bits, count - at, bits, codes + at);
}

/// Four codes a double word times 1, 4, 16, 64, added: one byte.
inline Vec join_quarters(Vec codes) {
  return _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, _mm512_set1_epi32(0x40100401));
}

void pack(const uint8_t* codes, int64_t count, int bits, uint8_t* packed) {
  switch (bits) {
    case 1:
      return pack_each(codes, count, bits, packed, [](Vec bit, uint8_t* to) {
        const __mmask64 mask = _mm512_test_epi8_mask(bit, bit);
        __builtin_memcpy(to, &mask, 8);
      });
    case 2:
      return pack_each(codes, count, bits, packed, [](Vec quarter, uint8_t* to) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(join_quarters(quarter)));
      });
    case 4:
      return pack_each(codes, count, bits, packed, [](Vec pair, uint8_t* to) {
        store_bytes(to, _mm512_or_si512(pair, _mm512_srli_epi16(pair, 4)));
      });
    default: return generic::pack(codes, count, bits, packed);
  }
}

void unpack(const uint8_t* packed, int64_t count, int bits, uint8_t* codes) {
  const Vec one = _mm512_set1_epi8(1), quarters = _mm512_set1_epi8(3), nibbles = _mm512_set1_epi8(15);
  switch (bits) {
    case 1:
      return unpack_each(packed, count, bits, codes, [&](const uint8_t* from) {
        __mmask64 mask;
        __builtin_memcpy(&mask, from, 8);
        return _mm512_maskz_mov_epi8(mask, one);
      });
    case 2:  // a byte's quarters i stand at bit 8 i of v << 6 i
      return unpack_each(packed, count, bits, codes, [&](const uint8_t* from) {
        const Vec v = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        const Vec two = _mm512_or_si512(v, _mm512_slli_epi32(v, 6));
        return _mm512_and_si512(_mm512_or_si512(two, _mm512_slli_epi32(two, 12)), quarters);
      });
    case 4:
      return unpack_each(packed, count, bits, codes, [&](const uint8_t* from) {
        const Vec pair = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
        return _mm512_and_si512(_mm512_or_si512(pair, _mm512_slli_epi16(pair, 4)), nibbles);
      });
    default: return generic::unpack(packed, count, bits, codes);
  }
}

void unpack_rows(const uint8_t* packed, int rows, int64_t count, int bits, uint8_t* codes, int64_t step) {
  if (bits != 1 && bits != 2 && bits != 4) return generic::unpack_rows(packed, rows, count, bits, codes, step);
  for (int row = 0; row < rows; ++row) unpack(packed + row * packed_bytes(count, bits), count, bits, codes + row * step);
}

template <int b>
struct Width {
  static constexpr int bits = b;
};

/// body(Width<bits>()) for the widths whose codes are packed on registers; false for others.
template <class Body>
inline bool with_width(int bits, Body body) {
  switch (bits) {
    case 2: body(Width<2>()); return true;
    case 3: body(Width<3>()); return true;
    case 4: body(Width<4>()); return true;
    case 5: body(Width<5>()); return true;
    case 6: body(Width<6>()); return true;
    case 7: body(Width<7>()); return true;
    default: return false;
  }
}

/// Bytes of a half that stay: `bits` of each of its groups of 8 codes.
template <int bits>
inline constexpr __mmask16 group_bytes = __mmask16((1 << 2 * bits) - 1);

/// Where the bytes of a half's two groups are behind one another, and where they are 8 apart.
template <int bits>
inline __m128i group_places(bool apart) {
  alignas(16) int8_t place[16];
  for (int i = 0; i < 16; ++i)
    place[i] = int8_t(apart ? (i % 8 < bits ? i / 8 * bits + i % 8 : -1) : i < 2 * bits ? i / bits * 8 + i % bits : -1);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(place));
}

/// The generic squeeze and spread of four groups.
template <int bits>
inline __m256i squeeze_groups(__m256i x) {
  const auto pair_up = [&x](int lane, int width) {
    const __m256i low = _mm256_set1_epi64x(int64_t(generic::lane_mask(2 * lane, width)));
    x = _mm256_or_si256(_mm256_and_si256(x, low),
                        _mm256_and_si256(_mm256_srli_epi64(x, lane - width), _mm256_slli_epi64(low, width)));
  };
  pair_up(8, bits), pair_up(16, 2 * bits), pair_up(32, 4 * bits);
  return x;
}

template <int bits>
inline __m256i spread_groups(__m256i x) {
  const auto part = [&x](int lane, int width) {
    const __m256i low = _mm256_set1_epi64x(int64_t(generic::lane_mask(2 * lane, width)));
    x = _mm256_or_si256(_mm256_and_si256(x, low),
                        _mm256_slli_epi64(_mm256_and_si256(_mm256_srli_epi64(x, width), low), lane));
  };
  part(32, 4 * bits), part(16, 2 * bits), part(8, bits);
  return x;
}

/// 32 codes of int16 become 4 bits bytes.
template <int bits>
inline void store_packed(uint8_t* packed, Vec codes) {
  if constexpr (bits == 2) {
    const __m256i times = _mm256_set1_epi32(0x40100401);
    const __m256i bytes = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm512_cvtepi16_epi8(codes), times);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(packed), _mm256_cvtepi32_epi8(bytes));
  } else if constexpr (bits == 4) {  // neighbours in one double word: the odd one's nibble comes down to bits 4..7
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_or_si512(codes, _mm512_srli_epi32(codes, 12)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed), bytes);
  } else {
    const __m256i groups = squeeze_groups<bits>(_mm512_cvtepi16_epi8(codes));
    const __m256i bytes = _mm256_shuffle_epi8(groups, _mm256_broadcastsi128_si256(group_places<bits>(false)));
    _mm_mask_storeu_epi8(packed, group_bytes<bits>, _mm256_castsi256_si128(bytes));
    _mm_mask_storeu_epi8(packed + 2 * bits, group_bytes<bits>, _mm256_extracti128_si256(bytes, 1));
  }
}

/// And back, a byte each.
template <int bits>
inline __m256i load_packed(const uint8_t* packed) {
  if constexpr (bits == 4) {
    const __m256i pair = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
    return _mm256_and_si256(_mm256_or_si256(pair, _mm256_slli_epi16(pair, 4)), _mm256_set1_epi8(15));
  } else {
    const __m128i low = _mm_maskz_loadu_epi8(group_bytes<bits>, packed);
    const __m128i high = _mm_maskz_loadu_epi8(group_bytes<bits>, packed + 2 * bits);
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    return spread_groups<bits>(_mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(group_places<bits>(true))));
  }
}

template <int bits>
void nearest_packed_in(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, uint8_t* packed) {
  const __m128i fraction = _mm_cvtsi32_si128(g.fraction);
  const Vec one = _mm512_set1_epi16(1), below_half = _mm512_set1_epi16(int16_t((1 << (g.fraction - 1)) - 1));
  const Vec offset = _mm512_set1_epi16(int16_t(zero));
  each_grid_value(z, count, g, [&](int64_t at, Vec v) {
    const Vec odd = _mm512_and_si512(_mm512_sra_epi16(v, fraction), one);
    const Vec q = _mm512_sra_epi16(_mm512_add_epi16(_mm512_add_epi16(v, odd), below_half), fraction);
    store_packed<bits>(packed + at / 8 * bits, _mm512_add_epi16(q, offset));
  });
}

void nearest_packed(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, int bits, uint8_t* packed) {
  const auto on_registers = [&](auto width) { nearest_packed_in<width.bits>(z, count, g, zero, packed); };
  if (whole_registers(count, g.period) && with_width(bits, on_registers)) return;
  generic::nearest_packed(z, count, g, zero, bits, packed);
}

/// 32 lanes of a block of z >= 0: their shifts from two passes over at most 16 registers.
template <int bits>
inline void nearest_lanes(const int16_t* z, int rows, int64_t lanes, Vec limit, Vec pow2, Vec multiplier, int fraction,
                          int most_shift, uint8_t* packed, uint8_t* shifts) {
  Vec top = _mm512_setzero_si512(), up = _mm512_set1_epi16(int16_t(most_shift));
  const Vec one = _mm512_set1_epi16(1), below_half = _mm512_set1_epi16(int16_t((1 << (fraction - 1)) - 1));
  const __m128i drop = _mm_cvtsi32_si128(fraction);
  for (int row = 0; row < rows; ++row) top = _mm512_max_epi16(top, load(z + row * lanes));
  for (int e = 0; e < most_shift; ++e) {
    const Vec half = _mm512_srli_epi16(limit, 1);
    const __mmask32 fits = _mm512_cmple_epi16_mask(top, half);
    limit = _mm512_mask_mov_epi16(limit, fits, half);
    pow2 = _mm512_mask_slli_epi16(pow2, fits, pow2, 1);
    up = _mm512_mask_sub_epi16(up, fits, up, one);
  }
  const uint32_t words[2] = {_mm512_test_epi16_mask(up, one), _mm512_test_epi16_mask(up, _mm512_set1_epi16(2))};
  __builtin_memcpy(shifts, words, 8);
  for (int row = 0; row < rows; ++row) {
    const Vec v = _mm512_mulhrs_epi16(_mm512_mullo_epi16(_mm512_min_epi16(load(z + row * lanes), limit), pow2), multiplier);
    const Vec odd = _mm512_and_si512(_mm512_sra_epi16(v, drop), one);
    const Vec q = _mm512_sra_epi16(_mm512_add_epi16(_mm512_add_epi16(v, odd), below_half), drop);
    store_packed<bits>(packed + row * lanes / 8 * bits, q);
  }
}

template <int bits>
void nearest_blocks_in(const int16_t* z, int64_t count, const QuantizeGrid& g, int64_t lanes, int most_shift, uint8_t* packed,
                       uint8_t* shifts) {
  const Vec multiplier = _mm512_set1_epi16(g.multiplier);
  for (int64_t at = 0; at < count; at += block_rows * lanes) {
    const int64_t left = (count - at) / lanes;
    const int rows = left < block_rows ? int(left) : block_rows;
    for (int64_t lane = 0; lane < lanes; lane += 32, shifts += 8)
      nearest_lanes<bits>(z + at + lane, rows, lanes, load(g.limit + lane), load(g.pow2 + lane), multiplier, g.fraction,
                          most_shift, packed + (at + lane) / 8 * bits, shifts);
  }
}

void nearest_blocks(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, int bits,
                    uint8_t* packed, uint8_t* shifts) {
  const int64_t lanes = block_lanes(channels);
  const auto on_registers = [&](auto width) { nearest_blocks_in<width.bits>(z, count, g, lanes, most_shift, packed, shifts); };
  if (lanes % 32 == 0 && count % lanes == 0 && with_width(bits, on_registers)) return;
  generic::nearest_blocks(z, count, g, channels, most_shift, bits, packed, shifts);
}

template <int bits>
void unpack_blocks_in(const uint8_t* packed, const uint8_t* shifts, int64_t count, int64_t lanes, int64_t row, int64_t step,
                      uint8_t* out) {
  const __m256i quadruple = _mm256_set1_epi8(char(0xFC));
  for (int64_t at = 0; at < count; at += block_rows * lanes) {
    const int64_t end = count - at < block_rows * lanes ? count : at + block_rows * lanes;
    for (int64_t lane = 0; lane < lanes; lane += 32, shifts += 8) {
      uint32_t words[2];
      __builtin_memcpy(words, shifts, 8);
      int64_t x = at % row;
      uint8_t* to = out + at / row * step + lane;
      for (int64_t i = at + lane; i < end; i += lanes) {
        __m256i q = load_packed<bits>(packed + i / 8 * bits);
        q = _mm256_mask_add_epi8(q, words[0], q, q);
        __m256i four = _mm256_slli_epi16(q, 2);
        if constexpr (bits > 4) four = _mm256_and_si256(four, quadruple);  // below, at most 30 * 4: nothing leaves its byte
        q = _mm256_mask_mov_epi8(q, words[1], four);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + x), q);
        x += lanes;
        if (x == row) x = 0, to += step;
      }
    }
  }
}

void unpack_blocks(const uint8_t* packed, const uint8_t* shifts, int64_t count, int channels, int bits, int64_t row,
                   int64_t step, uint8_t* out) {
  const int64_t lanes = block_lanes(channels);
  const auto on_registers = [&](auto width) { unpack_blocks_in<width.bits>(packed, shifts, count, lanes, row, step, out); };
  if (lanes % 32 == 0 && count % lanes == 0 && row % lanes == 0 && with_width(bits, on_registers)) return;
  generic::unpack_blocks(packed, shifts, count, channels, bits, row, step, out);
}

}  // namespace

extern const QuantizeKernels quantize_kernels_avx512vnni;
const QuantizeKernels quantize_kernels_avx512vnni = {
    nearest, stochastic,  random,               nearest_packed,       nearest_blocks,  unpack_blocks, pack,
    unpack,  unpack_rows, generic::channel_max, generic::fold_ranges, generic::operand};

}  // namespace subbyte
