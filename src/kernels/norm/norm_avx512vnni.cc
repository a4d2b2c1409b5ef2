// 32 elements a register. Where channels divide a register or are whole registers, one register of constants serves all
// pixels ("columns" of registers, a pixel's elements apart); other shapes take the generic loops.
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

namespace generic {
#include "kernels/norm/norm_generic.inl"
}

using Vec = __m512i;

bool whole_registers(int64_t count, int channels) {
  return count % 32 == 0 && (channels % 32 == 0 || 32 % channels == 0);
}

inline Vec load(const int16_t* p) { return _mm512_loadu_si512(p); }
inline Vec load_codes(const uint8_t* p, Vec zero) {
  return _mm512_sub_epi16(_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), zero);
}
inline Vec mulh(Vec a, Vec b) { return _mm512_mulhrs_epi16(a, b); }

/// Maxima of one register, by channel.
inline void fold_max(Vec top, int column, int channels, int32_t* out) {
  alignas(64) int16_t lane[32];
  _mm512_store_si512(lane, top);
  for (int i = 0; i < 32; ++i) {
    int32_t& to = out[(column + i) % channels];
    to = lane[i] > to ? lane[i] : to;
  }
}

/// Sums of neighbouring pixels' elements: registers of two pixels are interleaved, so that a pair is one channel's, and
/// multiplied by pairs. Lane order is that of unpacklo and unpackhi.
struct PairSums {
  Vec low = _mm512_setzero_si512(), high = _mm512_setzero_si512();

  void add(Vec a, Vec b, Vec x, Vec y) {
    low = _mm512_dpwssd_epi32(low, _mm512_unpacklo_epi16(a, b), _mm512_unpacklo_epi16(x, y));
    high = _mm512_dpwssd_epi32(high, _mm512_unpackhi_epi16(a, b), _mm512_unpackhi_epi16(x, y));
  }
  void add(Vec a, Vec b) {
    const Vec one = _mm512_set1_epi16(1);
    low = _mm512_dpwssd_epi32(low, _mm512_unpacklo_epi16(a, b), one);
    high = _mm512_dpwssd_epi32(high, _mm512_unpackhi_epi16(a, b), one);
  }
  void flush(int column, int channels, int64_t* out) {
    alignas(64) int32_t lane[2][16];
    _mm512_store_si512(lane[0], low);
    _mm512_store_si512(lane[1], high);
    for (int i = 0; i < 32; ++i) out[(column + i) % channels] += lane[i / 4 % 2][i / 8 * 4 + i % 4];
    low = high = _mm512_setzero_si512();
  }
};

/// Calls first(column), pair(at, next) over registers `step` elements apart (next < 0: none), last(column).
/// flush(column) runs at least every 120 pairs.
template <class First, class Pair, class Flush>
inline void each_column(int64_t count, int channels, First first, Pair pair, Flush flush) {
  const int step = channels > 32 ? channels : 32;
  for (int column = 0; column < step; column += 32) {
    first(column);
    int pairs = 0;
    for (int64_t at = column; at < count; at += 2 * step) {
      pair(at, at + step < count ? at + step : -1);
      if (++pairs == 120) flush(column), pairs = 0;
    }
    flush(column);
  }
}

void deviation(const int16_t* y, int64_t count, int channels, const int16_t* mu, bool l2, int64_t* sum) {
  if (l2 || !whole_registers(count, channels)) return generic::deviation(y, count, channels, mu, l2, sum);
  Vec m;
  PairSums sums;
  each_column(
      count, channels, [&](int column) { m = load(mu + column); },
      [&](int64_t at, int64_t next) {
        const Vec a = _mm512_abs_epi16(_mm512_sub_epi16(load(y + at), m));
        const Vec b = next < 0 ? _mm512_setzero_si512() : _mm512_abs_epi16(_mm512_sub_epi16(load(y + next), m));
        sums.add(a, b);
      },
      [&](int column) { sums.flush(column, channels, sum); });
}

template <int Shift, bool Residual>
void forward_columns(const int16_t* y, int64_t count, const NormForward& f) {
  const int step = f.channels > 32 ? f.channels : 32;
  const Vec half = _mm512_set1_epi16(1 << (Shift - 1)), zero = _mm512_set1_epi16(1 << (15 - Shift));
  const Vec floor = _mm512_set1_epi16(f.relu ? 0 : -32767), one = _mm512_set1_epi16(1), minus_one = _mm512_set1_epi16(-1);
  const Vec r_pow2 = _mm512_set1_epi16(f.residual_pow2), r_scale = _mm512_set1_epi16(f.residual_scale);
  for (int column = 0; column < step; column += 32) {
    const Vec mu = load(f.mu + column), limit = load(f.limit + column), pow2 = load(f.pow2 + column);
    const Vec scale = load(f.scale + column), offset = load(f.offset + column);
    const Vec least = _mm512_sub_epi16(_mm512_setzero_si512(), limit);
    Vec signs = _mm512_setzero_si512(), top = _mm512_setzero_si512();
    auto fold_signs = [&] {
      alignas(64) int16_t lane[32];
      _mm512_store_si512(lane, signs);
      for (int i = 0; i < 32; ++i) f.sign_sum[(column + i) % f.channels] += lane[i];
      signs = _mm512_setzero_si512();
    };
    int run = 0;
    for (int64_t at = column; at < count; at += step) {
      Vec t = _mm512_sub_epi16(load(y + at), mu);
      t = _mm512_max_epi16(_mm512_min_epi16(t, limit), least);
      const Vec q = _mm512_srai_epi16(_mm512_add_epi16(_mm512_mullo_epi16(t, pow2), half), Shift);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(f.q + at), _mm512_cvtepi16_epi8(_mm512_add_epi16(q, zero)));
      signs = _mm512_add_epi16(signs, _mm512_max_epi16(_mm512_min_epi16(q, one), minus_one));
      Vec z = _mm512_add_epi16(mulh(_mm512_slli_epi16(q, Shift), scale), offset);
      if constexpr (Residual) z = _mm512_add_epi16(z, mulh(_mm512_mullo_epi16(load(f.residual + at), r_pow2), r_scale));
      z = _mm512_max_epi16(z, floor);
      _mm512_storeu_si512(f.z + at, z);
      top = _mm512_max_epi16(top, _mm512_abs_epi16(z));
      if (f.mask) {
        const uint32_t bits = _mm512_cmpgt_epi16_mask(z, _mm512_setzero_si512());
        __builtin_memcpy(f.mask + at / 8, &bits, 4);
      }
      if (++run == 1 << 14) fold_signs(), run = 0;
    }
    fold_signs();
    fold_max(top, column, f.channels, f.z_max);
  }
}

void forward(const int16_t* y, int64_t count, const NormForward& f) {
  if (!whole_registers(count, f.channels)) return generic::forward(y, count, f);
  switch (f.bits) {
#define SUBBYTE_BITS(b) \
  case b: return f.residual ? forward_columns<16 - b, true>(y, count, f) : forward_columns<16 - b, false>(y, count, f);
    SUBBYTE_BITS(2)
    SUBBYTE_BITS(3)
    SUBBYTE_BITS(4)
    SUBBYTE_BITS(5)
    SUBBYTE_BITS(6)
    SUBBYTE_BITS(7)
    SUBBYTE_BITS(8)
#undef SUBBYTE_BITS
  }
}

void reduce(int64_t count, const NormReduce& r) {
  if (!whole_registers(count, r.channels)) return generic::reduce(count, r);
  const Vec zero = _mm512_set1_epi16(int16_t(1 << (r.bits - 1)));
  Vec top = _mm512_setzero_si512();
  PairSums sum, product;
  auto masked = [&](int64_t at) {
    Vec d = load(r.delta + at);
    if (r.mask) {
      uint32_t bits;
      __builtin_memcpy(&bits, r.mask + at / 8, 4);
      d = _mm512_maskz_mov_epi16(bits, d);
      _mm512_storeu_si512(r.delta + at, d);
    }
    top = _mm512_max_epi16(top, _mm512_abs_epi16(d));
    return d;
  };
  each_column(
      count, r.channels, [](int) {},
      [&](int64_t at, int64_t next) {
        const Vec a = masked(at), b = next < 0 ? _mm512_setzero_si512() : masked(next);
        sum.add(a, b);
        product.add(a, b, load_codes(r.q + at, zero), next < 0 ? _mm512_setzero_si512() : load_codes(r.q + next, zero));
      },
      [&](int column) {
        sum.flush(column, r.channels, r.sum);
        product.flush(column, r.channels, r.product);
      });
  fold_max(top, 0, 1, r.delta_max);
}

template <bool L2>
void backward_columns(int64_t count, const NormBackward& b) {
  const int step = b.channels > 32 ? b.channels : 32;
  const Vec zero = _mm512_set1_epi16(int16_t(1 << (b.bits - 1))), none = _mm512_setzero_si512();
  const Vec pow2 = _mm512_set1_epi16(b.delta_pow2);
  const __m128i up = _mm_cvtsi32_si128(16 - b.bits);
  for (int column = 0; column < step; column += 32) {
    const Vec scale = load(b.scale + column), mean = load(b.mean + column), slope = load(b.slope + column);
    Vec top = none;
    for (int64_t at = column; at < count; at += step) {
      const Vec q = load_codes(b.q + at, zero);
      Vec v = _mm512_sub_epi16(mulh(_mm512_mullo_epi16(load(b.delta + at), pow2), scale), mean);
      if constexpr (L2) {
        v = _mm512_sub_epi16(v, mulh(_mm512_sll_epi16(q, up), slope));
      } else {
        v = _mm512_mask_sub_epi16(v, _mm512_cmpgt_epi16_mask(q, none), v, slope);
        v = _mm512_mask_add_epi16(v, _mm512_movepi16_mask(q), v, slope);
      }
      _mm512_storeu_si512(b.dy + at, v);
      top = _mm512_max_epi16(top, _mm512_abs_epi16(v));
    }
    fold_max(top, column, b.channels, b.dy_max);
  }
}

void backward(int64_t count, const NormBackward& b) {
  if (!whole_registers(count, b.channels)) return generic::backward(count, b);
  if (b.l2) backward_columns<true>(count, b);
  else backward_columns<false>(count, b);
}

void combine(const int16_t* a, int16_t a_pow2, int16_t a_scale, const int16_t* b, int16_t b_pow2, int16_t b_scale,
             int64_t count, int16_t* out) {
  const Vec pa = _mm512_set1_epi16(a_pow2), sa = _mm512_set1_epi16(a_scale);
  const Vec pb = _mm512_set1_epi16(b_pow2), sb = _mm512_set1_epi16(b_scale);
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const Vec x = mulh(_mm512_mullo_epi16(load(a + i), pa), sa), y = mulh(_mm512_mullo_epi16(load(b + i), pb), sb);
    _mm512_storeu_si512(out + i, _mm512_add_epi16(x, y));
  }
  if (i < count) generic::combine(a + i, a_pow2, a_scale, b + i, b_pow2, b_scale, count - i, out + i);
}

}  // namespace

extern const NormKernels norm_kernels_avx512vnni;
const NormKernels norm_kernels_avx512vnni = {generic::narrow, deviation, forward, reduce, backward, combine};

}  // namespace subbyte
