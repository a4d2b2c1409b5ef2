// 32 elements a register. Where channels divide a register or are whole registers, one register of constants serves all
// pixels ("columns" of registers, a pixel's elements apart); other shapes take the generic loops.
#include <immintrin.h>

#include <optional>

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

/// A register's 32 elements belong to channels column, column + 1, ..., or are whole pixels of 2^k < 32 channels.
template <class T, class Op>
inline void each_channel(int column, int channels, const int16_t* lane, T* out, Op op) {
  if (channels >= 32)
    for (int i = 0; i < 32; ++i) out[column + i] = op(out[column + i], T(lane[i]));
  else
    for (int i = 0; i < 32; ++i) out[i & (channels - 1)] = op(out[i & (channels - 1)], T(lane[i]));
}

/// Maxima of one register, by channel.
inline void fold_max(Vec top, int column, int channels, int32_t* out) {
  alignas(64) int16_t lane[32];
  _mm512_store_si512(lane, top);
  each_channel(column, channels, lane, out, [](int32_t a, int32_t b) { return b > a ? b : a; });
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
    // Back to the order of elements, widened to int64.
    const Vec first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const Vec second = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    alignas(64) int32_t lane[32];
    _mm512_store_si512(lane, _mm512_permutex2var_epi32(low, first, high));
    _mm512_store_si512(lane + 16, _mm512_permutex2var_epi32(low, second, high));
    if (channels >= 32)
      for (int i = 0; i < 32; ++i) out[column + i] += lane[i];
    else
      for (int i = 0; i < 32; ++i) out[i & (channels - 1)] += lane[i];
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

/// What turns a register of z into 16 bytes of nibbles; see the quantizer.
struct Nibbles {
  Vec limit, least, pow2, multiplier, one, below_half, offset;
  __m128i fraction;
  uint8_t* packed;

  Nibbles(const NormCodes& c, int column)
      : limit(load(c.grid.limit + column)),
        least(_mm512_sub_epi16(_mm512_setzero_si512(), limit)),
        pow2(load(c.grid.pow2 + column)),
        multiplier(_mm512_set1_epi16(c.grid.multiplier)),
        one(_mm512_set1_epi16(1)),
        below_half(_mm512_set1_epi16(int16_t((1 << (c.grid.fraction - 1)) - 1))),
        offset(_mm512_set1_epi16(int16_t(c.zero))),
        fraction(_mm_cvtsi32_si128(c.grid.fraction)),
        packed(c.packed) {}
  void store(int64_t at, Vec z) const {
    const Vec v = mulh(_mm512_mullo_epi16(_mm512_max_epi16(_mm512_min_epi16(z, limit), least), pow2), multiplier);
    const Vec odd = _mm512_and_si512(_mm512_sra_epi16(v, fraction), one);
    Vec q = _mm512_sra_epi16(_mm512_add_epi16(_mm512_add_epi16(v, odd), below_half), fraction);
    q = _mm512_add_epi16(q, offset);
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_or_si512(q, _mm512_srli_epi32(q, 12)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + at / 2), bytes);
  }
};

/// Registers of 32 codes to and from nibbles of [q < 0][z > 0]m (kernels/norm_codes).
class SavedNibbles {
 public:
  explicit SavedNibbles(const SavedImage& s)
      : packed_(s.packed),
        has_mask_(s.width.has_mask),
        start_(s.start),
        low_(_mm512_set1_epi16(int16_t((1 << s.width.shift()) - 1))),
        levels_(_mm512_set1_epi16(int16_t((1 << s.width.magnitude_bits()) - 1))),
        positive_(_mm512_set1_epi16(int16_t(1 << s.width.magnitude_bits()))),
        drop_(_mm_cvtsi32_si128(s.width.shift())) {
    alignas(64) int16_t lane[64];
    for (int i = 0; i < 64; ++i) lane[i] = int16_t(norm_code_dither(i, 0));
    for (int i = 0; i < 2; ++i) dither_[i] = _mm512_load_si512(lane + 32 * i);
    alignas(16) uint8_t code[16];
    for (int i = 0; i < 16; ++i) code[i] = uint8_t(i);
    s.kernels->restore(code, nullptr, 16, s.width);
    for (uint8_t& value : code) value = uint8_t(value - (1 << (s.width.code_bits - 1)));
    values_ = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(code)));
  }
  void store(int64_t at, Vec q, __mmask32 positive) const {
    const Vec block = _mm512_set1_epi16(int16_t(5 * (at / 64) + start_)), negative = _mm512_srai_epi16(q, 15);
    const Vec dither = _mm512_and_si512(_mm512_add_epi16(dither_[at / 32 % 2], block), low_);
    Vec code = _mm512_srl_epi16(_mm512_add_epi16(_mm512_xor_si512(q, negative), dither), drop_);
    code = _mm512_min_epi16(code, levels_);
    code = _mm512_or_si512(code, _mm512_and_si512(negative, _mm512_set1_epi16(8)));
    if (has_mask_) code = _mm512_or_si512(code, _mm512_maskz_mov_epi16(positive, positive_));
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_or_si512(code, _mm512_srli_epi32(code, 12)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed_ + at / 2), bytes);
  }
  Vec load(int64_t at, uint32_t& positive) const {
    const __m256i pair = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed_ + at / 2)));
    const __m256i code = _mm256_and_si256(_mm256_or_si256(pair, _mm256_slli_epi16(pair, 4)), _mm256_set1_epi8(15));
    positive = _mm256_test_epi8_mask(code, _mm512_castsi512_si256(_mm512_packus_epi16(positive_, positive_)));
    return _mm512_cvtepi8_epi16(_mm256_shuffle_epi8(values_, code));
  }
  bool has_mask() const { return has_mask_; }

 private:
  uint8_t* packed_;
  bool has_mask_;
  int start_;
  Vec low_, levels_, positive_, dither_[2];
  __m256i values_;
  __m128i drop_;
};

bool in_nibbles(const SavedImage* s) { return s && s->width.saved_bits == 4; }

template <int Shift, bool Residual, bool Codes, bool Saved>
void forward_columns(const int16_t* y, int64_t count, const NormForward& f) {
  const int step = f.channels > 32 ? f.channels : 32;
  const Vec half = _mm512_set1_epi16(1 << (Shift - 1)), zero = _mm512_set1_epi16(1 << (15 - Shift));
  const Vec floor = _mm512_set1_epi16(f.relu ? 0 : -32767), one = _mm512_set1_epi16(1);
  const Vec r_pow2 = _mm512_set1_epi16(f.residual_pow2), r_scale = _mm512_set1_epi16(f.residual_scale);
  const NormCodes none{{f.mu, f.mu, 0, 0, 1}, 0, 4, nullptr, nullptr};
  const bool z_read = !Codes || f.z_read;
  for (int column = 0; column < step; column += 32) {
    const Vec mu = load(f.mu + column), limit = load(f.limit + column), pow2 = load(f.pow2 + column);
    const Vec scale = load(f.scale + column), offset = load(f.offset + column);
    const Vec least = _mm512_sub_epi16(_mm512_setzero_si512(), limit);
    const Nibbles nibbles(Codes ? *f.codes : none, column);
    [[maybe_unused]] const std::optional<SavedNibbles> saved = Saved ? std::optional<SavedNibbles>(*f.saved) : std::nullopt;
    Vec signs = _mm512_setzero_si512(), top = _mm512_setzero_si512();
    auto fold_signs = [&] {
      alignas(64) int16_t lane[32];
      _mm512_store_si512(lane, signs);
      each_channel(column, f.channels, lane, f.sign_sum, [](int64_t a, int64_t b) { return a + b; });
      signs = _mm512_setzero_si512();
    };
    int run = 0;
    for (int64_t at = column; at < count; at += step) {
      Vec t = _mm512_sub_epi16(load(y + at), mu);
      t = _mm512_max_epi16(_mm512_min_epi16(t, limit), least);
      const Vec q = _mm512_srai_epi16(_mm512_add_epi16(_mm512_mullo_epi16(t, pow2), half), Shift);
      if constexpr (!Saved)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(f.q + at), _mm512_cvtepi16_epi8(_mm512_add_epi16(q, zero)));
      signs = _mm512_add_epi16(signs, _mm512_or_si512(_mm512_srai_epi16(q, 15), one));
      Vec z = _mm512_add_epi16(mulh(_mm512_slli_epi16(q, Shift), scale), offset);
      if constexpr (Residual) z = _mm512_add_epi16(z, mulh(_mm512_mullo_epi16(load(f.residual + at), r_pow2), r_scale));
      z = _mm512_max_epi16(z, floor);
      if (z_read) _mm512_storeu_si512(f.z + at, z);
      top = _mm512_max_epi16(top, _mm512_abs_epi16(z));
      const uint32_t positive = _mm512_cmpgt_epi16_mask(z, _mm512_setzero_si512());
      if (f.mask && !(Saved && f.saved->width.has_mask)) __builtin_memcpy(f.mask + at / 8, &positive, 4);
      if constexpr (Saved) saved->store(at, q, positive);
      if constexpr (Codes) nibbles.store(at, z);
      if (++run == 1 << 14) fold_signs(), run = 0;
    }
    fold_signs();
    fold_max(top, column, f.channels, f.z_max);
  }
}

template <int Shift, bool Saved>
void forward_saved(const int16_t* y, int64_t count, const NormForward& f) {
  const bool nibbles = f.codes && f.codes->bits == 4;
  if (nibbles && f.residual) return forward_columns<Shift, true, true, Saved>(y, count, f);
  if (nibbles) return forward_columns<Shift, false, true, Saved>(y, count, f);
  if (f.residual) forward_columns<Shift, true, false, Saved>(y, count, f);
  else forward_columns<Shift, false, false, Saved>(y, count, f);
  if (f.codes) f.codes->nearest_packed(f.z, count, f.codes->grid, f.codes->zero, f.codes->bits, f.codes->packed);
}

template <int Shift>
void forward_shift(const int16_t* y, int64_t count, const NormForward& f) {
  if (in_nibbles(f.saved) && f.bits == 8) return forward_saved<Shift, true>(y, count, f);
  forward_saved<Shift, false>(y, count, f);
  if (f.saved) f.saved->save(count);
}

void forward(const int16_t* y, int64_t count, const NormForward& f) {
  if (!whole_registers(count, f.channels)) return generic::forward(y, count, f);
  switch (f.bits) {
    case 2: return forward_shift<14>(y, count, f);
    case 3: return forward_shift<13>(y, count, f);
    case 4: return forward_shift<12>(y, count, f);
    case 5: return forward_shift<11>(y, count, f);
    case 6: return forward_shift<10>(y, count, f);
    case 7: return forward_shift<9>(y, count, f);
    case 8: return forward_shift<8>(y, count, f);
  }
}

template <bool Saved>
void reduce_columns(int64_t count, const NormReduce& r) {
  [[maybe_unused]] const std::optional<SavedNibbles> saved = Saved ? std::optional<SavedNibbles>(*r.saved) : std::nullopt;
  const Vec zero = _mm512_set1_epi16(int16_t(1 << (r.bits - 1)));
  Vec top = _mm512_setzero_si512();
  const __m128i up = _mm_cvtsi32_si128(16 - r.bits);
  PairSums sum, product;
  Vec scale = _mm512_setzero_si512(), offset = _mm512_setzero_si512();
  const bool has_mask = Saved && r.saved->width.has_mask;
  auto codes = [&](int64_t at, uint32_t& positive) {
    if constexpr (Saved) return saved->load(at, positive);
    else return load_codes(r.q + at, zero);
  };
  auto masked = [&](int64_t at, Vec q, uint32_t bits) {
    Vec d = load(r.delta + at);
    if (r.mask) {
      if (!has_mask) __builtin_memcpy(&bits, r.mask + at / 8, 4);
      d = _mm512_maskz_mov_epi16(bits, d);
      _mm512_storeu_si512(r.delta + at, d);
    }
    if (r.scale) {
      const Vec z = _mm512_add_epi16(mulh(_mm512_sll_epi16(q, up), scale), offset);
      d = _mm512_maskz_mov_epi16(_mm512_cmpgt_epi16_mask(z, _mm512_setzero_si512()), d);
      _mm512_storeu_si512(r.delta + at, d);
    }
    top = _mm512_max_epi16(top, _mm512_abs_epi16(d));
    return d;
  };
  each_column(
      count, r.channels,
      [&](int column) {
        if (r.scale) scale = load(r.scale + column), offset = load(r.offset + column);
      },
      [&](int64_t at, int64_t next) {
        uint32_t bits = 0, bits_next = 0;
        const Vec q = codes(at, bits), q_next = next < 0 ? _mm512_setzero_si512() : codes(next, bits_next);
        const Vec a = masked(at, q, bits), b = next < 0 ? _mm512_setzero_si512() : masked(next, q_next, bits_next);
        sum.add(a, b);
        product.add(a, b, q, q_next);
      },
      [&](int column) {
        sum.flush(column, r.channels, r.sum);
        product.flush(column, r.channels, r.product);
      });
  const Vec even = _mm512_srai_epi32(_mm512_slli_epi32(top, 16), 16), odd = _mm512_srai_epi32(top, 16);
  const int32_t most = _mm512_reduce_max_epi32(_mm512_max_epi32(even, odd));
  *r.delta_max = most > *r.delta_max ? most : *r.delta_max;
}

void reduce(int64_t count, const NormReduce& r) {
  if (!whole_registers(count, r.channels)) return generic::reduce(count, r);
  if (in_nibbles(r.saved)) return reduce_columns<true>(count, r);
  if (r.saved) r.saved->restore(count, true);
  reduce_columns<false>(count, r);
}

template <bool L2, bool Saved>
void backward_columns(int64_t count, const NormBackward& b) {
  const int step = b.channels > 32 ? b.channels : 32;
  const Vec zero = _mm512_set1_epi16(int16_t(1 << (b.bits - 1))), none = _mm512_setzero_si512();
  const Vec pow2 = _mm512_set1_epi16(b.delta_pow2);
  const __m128i up = _mm_cvtsi32_si128(16 - b.bits);
  [[maybe_unused]] const std::optional<SavedNibbles> saved = Saved ? std::optional<SavedNibbles>(*b.saved) : std::nullopt;
  [[maybe_unused]] uint32_t bits;
  for (int column = 0; column < step; column += 32) {
    const Vec scale = load(b.scale + column), mean = load(b.mean + column), slope = load(b.slope + column);
    Vec top = none;
    for (int64_t at = column; at < count; at += step) {
      Vec q;
      if constexpr (Saved) q = saved->load(at, bits);
      else q = load_codes(b.q + at, zero);
      Vec v = _mm512_sub_epi16(mulh(_mm512_mullo_epi16(load(b.delta + at), pow2), scale), mean);
      if constexpr (L2) {
        v = _mm512_sub_epi16(v, mulh(_mm512_sll_epi16(q, up), slope));
      } else {
        v = _mm512_sub_epi16(v, _mm512_mask_sub_epi16(slope, _mm512_movepi16_mask(q), none, slope));
      }
      _mm512_storeu_si512(b.dy + at, v);
      top = _mm512_max_epi16(top, _mm512_abs_epi16(v));
    }
    fold_max(top, column, b.channels, b.dy_max);
  }
}

void backward(int64_t count, const NormBackward& b) {
  if (!whole_registers(count, b.channels)) return generic::backward(count, b);
  if (in_nibbles(b.saved)) return b.l2 ? backward_columns<true, true>(count, b) : backward_columns<false, true>(count, b);
  if (b.saved) b.saved->restore(count, false);
  if (b.l2) backward_columns<true, false>(count, b);
  else backward_columns<false, false>(count, b);
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
const NormKernels norm_kernels_avx512vnni = {generic::narrow, deviation, forward, reduce, backward, combine, generic::affine};

}  // namespace subbyte
