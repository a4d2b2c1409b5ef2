// Flat loops over one period of channels at a time; sums are kept per position and folded into channels at the end.

constexpr int tile = 512;  // positions handled together; longer periods are cut into tiles

inline int16_t mulh(int16_t a, int16_t b) { return int16_t((((int32_t(a) * b) >> 14) + 1) >> 1); }
inline int period_of(int channels) { return channels * ((256 + channels - 1) / channels); }

/// Calls body(at, n, first) for runs of n elements at offset `at` whose first position in the period is `from`,
/// for one tile [from, from + tile) of the period; flush() after at most `every` runs.
template <class Body, class Flush>
inline void tile_runs(int64_t count, int period, int from, int every, Body body, Flush flush) {
  const int width = period - from < tile ? period - from : tile;
  int runs = 0;
  for (int64_t at = from; at < count; at += period) {
    body(at, int(count - at < width ? count - at : width));
    if (++runs == every) flush(), runs = 0;
  }
  flush();
}

/// Adds positions to their channels. A tile is whole repetitions of all channels, or a run of them.
inline void fold(int32_t* __restrict part, int width, int from, int channels, int64_t* __restrict sum) {
  const int run = width < channels ? width : channels;
  int64_t* __restrict to = sum + from % channels;
  for (int base = 0; base < width; base += run)
    for (int c = 0; c < run; ++c) {
      to[c] += part[base + c];
      part[base + c] = 0;
    }
}

inline int32_t narrow_run(const int32_t* __restrict acc, int n, int t, int16_t* __restrict y, int32_t* __restrict sum,
                          int16_t* __restrict low, int16_t* __restrict high) {
  const int32_t half = t ? 1 << (t - 1) : 0;
  int32_t top = 0;
  for (int i = 0; i < n; ++i) {
    const int32_t a = acc[i];
    const int32_t magnitude = a < 0 ? -a : a;
    top = magnitude > top ? magnitude : top;
    int32_t v = (a + half) >> t;
    v = v < -stream_limit ? -stream_limit : v;
    v = v > stream_limit ? stream_limit : v;
    y[i] = int16_t(v);
    sum[i] += v;
  }
  for (int i = 0; i < n; ++i) {
    low[i] = y[i] < low[i] ? y[i] : low[i];
    high[i] = y[i] > high[i] ? y[i] : high[i];
  }
  return top;
}

inline int32_t narrow_plain(const int32_t* __restrict acc, int64_t n, int t, int16_t* __restrict y) {
  const int32_t half = t ? 1 << (t - 1) : 0;
  int32_t top = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t a = acc[i];
    const int32_t magnitude = a < 0 ? -a : a;
    top = magnitude > top ? magnitude : top;
    int32_t v = (a + half) >> t;
    v = v < -stream_limit ? -stream_limit : v;
    v = v > stream_limit ? stream_limit : v;
    y[i] = int16_t(v);
  }
  return top;
}

int32_t narrow(const int32_t* acc, int pixels, int channels, int acc_stride, int t, int16_t* y, const NarrowStats& s) {
  int32_t top = 0;
  if (!s.sum) {
    if (acc_stride == channels) return narrow_plain(acc, int64_t(pixels) * channels, t, y);
    for (int p = 0; p < pixels; ++p) {
      const int32_t a = narrow_plain(acc + int64_t(p) * acc_stride, channels, t, y + int64_t(p) * channels);
      top = a > top ? a : top;
    }
    return top;
  }
  if (acc_stride != channels) {  // few channels: padded accumulators, pixel by pixel
    int32_t sum[tile];
    int16_t low[tile], high[tile];
    for (int from = 0; from < channels; from += tile) {
      const int width = channels - from < tile ? channels - from : tile;
      for (int i = 0; i < width; ++i) sum[i] = 0, low[i] = INT16_MAX, high[i] = INT16_MIN;
      for (int p = 0; p < pixels; ++p) {
        const int32_t a = narrow_run(acc + int64_t(p) * acc_stride + from, width, t, y + int64_t(p) * channels + from, sum,
                                     low, high);
        top = a > top ? a : top;
      }
      for (int i = 0; i < width; ++i) {
        s.sum[from + i] += sum[i];
        s.low[from + i] = low[i] < s.low[from + i] ? low[i] : s.low[from + i];
        s.high[from + i] = high[i] > s.high[from + i] ? high[i] : s.high[from + i];
      }
    }
    return top;
  }
  const int period = period_of(channels);
  const int64_t count = int64_t(pixels) * channels;
  alignas(64) int32_t sum[tile];
  alignas(64) int16_t low[tile], high[tile];
  for (int from = 0; from < period && from < count; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) sum[i] = 0, low[i] = INT16_MAX, high[i] = INT16_MIN;
    tile_runs(count, period, from, 1 << 16,
              [&](int64_t at, int n) {
                const int32_t a = narrow_run(acc + at, n, t, y + at, sum, low, high);
                top = a > top ? a : top;
              },
              [&] { fold(sum, width, from, channels, s.sum); });
    const int run = width < channels ? width : channels;
    int32_t* __restrict to_low = s.low + from % channels;
    int32_t* __restrict to_high = s.high + from % channels;
    for (int base = 0; base < width; base += run)
      for (int c = 0; c < run; ++c) {
        to_low[c] = low[base + c] < to_low[c] ? low[base + c] : to_low[c];
        to_high[c] = high[base + c] > to_high[c] ? high[base + c] : to_high[c];
      }
  }
  return top;
}

inline void absolute_run(const int16_t* __restrict y, int n, const int16_t* __restrict mu, int32_t* __restrict sum) {
  for (int i = 0; i < n; ++i) {
    const int16_t d = int16_t(y[i] - mu[i]);
    sum[i] += uint16_t(d < 0 ? -d : d);
  }
}

inline void square_run(const int16_t* __restrict y, int n, const int16_t* __restrict mu, int64_t* __restrict sum) {
  for (int i = 0; i < n; ++i) {
    const int32_t d = y[i] - mu[i];
    sum[i] += uint32_t(d * d);
  }
}

void deviation(const int16_t* y, int64_t count, int channels, const int16_t* mu, bool l2, int64_t* sum) {
  const int period = period_of(channels);
  alignas(64) int32_t part[tile];
  alignas(64) int64_t wide[tile];
  for (int from = 0; from < period && from < count; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) part[i] = 0, wide[i] = 0;
    if (l2)
      tile_runs(count, period, from, 1 << 30, [&](int64_t at, int n) { square_run(y + at, n, mu + from, wide); }, [] {});
    else
      tile_runs(count, period, from, 1 << 15, [&](int64_t at, int n) { absolute_run(y + at, n, mu + from, part); },
                [&] { fold(part, width, from, channels, sum); });
    if (l2) {
      const int run = width < channels ? width : channels;
      for (int base = 0; base < width; base += run)
        for (int c = 0; c < run; ++c) sum[from % channels + c] += wide[base + c];
    }
  }
}

template <int Shift>
inline void forward_run(const int16_t* y, int n,  // y may be z
                        const NormForward& f, int from, int64_t at,
                        int16_t* __restrict sign_sum, int16_t* __restrict top) {
  const int16_t* __restrict mu = f.mu + from;
  const int16_t* __restrict limit = f.limit + from;
  const int16_t* __restrict pow2 = f.pow2 + from;
  const int16_t* __restrict scale = f.scale + from;
  const int16_t* __restrict offset = f.offset + from;
  uint8_t* __restrict code = f.q + at;
  constexpr int16_t half = 1 << (Shift - 1), zero = 1 << (15 - Shift);
  alignas(64) int16_t value[tile];
  for (int i = 0; i < n; ++i) {
    int16_t t = int16_t(y[i] - mu[i]);
    const int16_t high = limit[i], low = int16_t(-high);
    t = t < high ? t : high;
    t = t > low ? t : low;
    const int16_t q = int16_t(int16_t(int16_t(t * pow2[i]) + half) >> Shift);
    value[i] = q;
    code[i] = uint8_t(q + zero);
    sign_sum[i] = int16_t(sign_sum[i] + ((q >> 15) | 1));
  }
  for (int i = 0; i < n; ++i) value[i] = int16_t(value[i] << Shift);
  const int16_t floor = f.relu ? int16_t{0} : int16_t{-32767};
  int16_t* z = f.z + at;
  if (f.residual) {
    const int16_t* __restrict residual = f.residual + at;
    const int16_t p = f.residual_pow2, m = f.residual_scale;
    for (int i = 0; i < n; ++i) {
      const int16_t a = mulh(value[i], scale[i]), r = mulh(int16_t(residual[i] * p), m);
      value[i] = int16_t(a + offset[i] + r);
    }
  } else {
    for (int i = 0; i < n; ++i) {
      const int16_t a = mulh(value[i], scale[i]);
      value[i] = int16_t(a + offset[i]);
    }
  }
  for (int i = 0; i < n; ++i) {
    const int16_t v = value[i] > floor ? value[i] : floor, a = int16_t(v < 0 ? -v : v);
    z[i] = v;
    top[i] = a > top[i] ? a : top[i];
  }
}

#ifndef SUBBYTE_OWN_MASK
/// One bit an element, z > 0, by a multiplication that gathers eight bytes of 0 or 1.
inline void store_mask(const int16_t* __restrict z, int64_t count, uint8_t* __restrict mask) {
  for (int64_t at = 0; at < count; at += tile) {
    const int n = int(count - at < tile ? count - at : tile);
    alignas(64) uint8_t flag[tile];
    for (int i = 0; i < n; ++i) flag[i] = z[at + i] > 0;
    for (int i = n; i % 8; ++i) flag[i] = 0;
    for (int i = 0; i < n; i += 8) {
      uint64_t eight;
      __builtin_memcpy(&eight, flag + i, 8);
      mask[(at + i) / 8] = uint8_t((eight * 0x0102040810204080u) >> 56);
    }
  }
}

#endif

/// Adds positions to their channels, as fold().
inline void fold_short(int16_t* __restrict part, int width, int from, int channels, int64_t* __restrict sum) {
  const int run = width < channels ? width : channels;
  int64_t* __restrict to = sum + from % channels;
  for (int base = 0; base < width; base += run)
    for (int c = 0; c < run; ++c) {
      to[c] += part[base + c];
      part[base + c] = 0;
    }
}

void forward(const int16_t* y, int64_t count, const NormForward& f) {
  const int period = period_of(f.channels);
  alignas(64) int16_t signs[tile];
  alignas(64) int16_t top[tile];
  for (int from = 0; from < period && from < count; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) signs[i] = 0, top[i] = 0;
    tile_runs(count, period, from, 1 << 14,
              [&](int64_t at, int n) {
                switch (f.bits) {
                  case 2: return forward_run<14>(y + at, n, f, from, at, signs, top);
                  case 3: return forward_run<13>(y + at, n, f, from, at, signs, top);
                  case 4: return forward_run<12>(y + at, n, f, from, at, signs, top);
                  case 5: return forward_run<11>(y + at, n, f, from, at, signs, top);
                  case 6: return forward_run<10>(y + at, n, f, from, at, signs, top);
                  case 7: return forward_run<9>(y + at, n, f, from, at, signs, top);
                  case 8: return forward_run<8>(y + at, n, f, from, at, signs, top);
                }
              },
              [&] { fold_short(signs, width, from, f.channels, f.sign_sum); });
    const int run = width < f.channels ? width : f.channels;
    int32_t* __restrict z_max = f.z_max + from % f.channels;
    for (int base = 0; base < width; base += run)
      for (int c = 0; c < run; ++c) z_max[c] = top[base + c] > z_max[c] ? top[base + c] : z_max[c];
  }
  if (f.mask) store_mask(f.z, count, f.mask);
  if (f.codes) f.codes->nearest_packed(f.z, count, f.codes->grid, f.codes->zero, f.codes->bits, f.codes->packed);
  if (f.saved) f.saved->save(count);
}

#ifndef SUBBYTE_OWN_MASK
/// The 8 lane masks of every byte, as int16 0 or -1.
struct MaskTable {
  alignas(64) int16_t lanes[256][8];
  constexpr MaskTable() : lanes() {
    for (int byte = 0; byte < 256; ++byte)
      for (int i = 0; i < 8; ++i) lanes[byte][i] = ((byte >> i) & 1) ? -1 : 0;
  }
};
constexpr MaskTable mask_table;

inline void apply_mask(int16_t* __restrict delta, int64_t count, const uint8_t* __restrict mask) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int j = 0; j < 8; ++j) delta[i + j] = int16_t(delta[i + j] & mask_table.lanes[mask[i / 8]][j]);
  for (; i < count; ++i) delta[i] = int16_t(delta[i] & mask_table.lanes[mask[i / 8]][i % 8]);
}

#endif

/// Masks where the codes say that z was not positive.
inline void code_mask_run(int16_t* __restrict delta, const uint8_t* __restrict code, int n, int bits,
                          const int16_t* __restrict scale, const int16_t* __restrict offset) {
  const int16_t zero = int16_t(1 << (bits - 1)), up = int16_t(1 << (16 - bits));
  for (int i = 0; i < n; ++i) {
    const int16_t a = mulh(int16_t(int16_t(int16_t(code[i]) - zero) * up), scale[i]);
    const int16_t z = int16_t(a + offset[i]);
    delta[i] = z > 0 ? delta[i] : int16_t{0};
  }
}

inline int16_t reduce_run(const int16_t* __restrict delta, const uint8_t* __restrict code, int n, int16_t zero,
                          int32_t* __restrict sum, int32_t* __restrict product) {
  int16_t top = 0;
  for (int i = 0; i < n; ++i) {
    const int16_t d = delta[i];
    const int16_t a = int16_t(d < 0 ? -d : d);
    top = a > top ? a : top;
    sum[i] += d;
    product[i] += int32_t(d) * int16_t(int16_t(code[i]) - zero);
  }
  return top;
}

void reduce(int64_t count, const NormReduce& r) {
  if (r.saved) r.saved->restore(count, true);
  if (r.mask) apply_mask(r.delta, count, r.mask);
  const int period = period_of(r.channels);
  alignas(64) int32_t sum[tile], product[tile];
  int32_t top = *r.delta_max;
  for (int from = 0; from < period && from < count; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) sum[i] = 0, product[i] = 0;
    tile_runs(count, period, from, 256,
              [&](int64_t at, int n) {
                if (r.scale) code_mask_run(r.delta + at, r.q + at, n, r.bits, r.scale + from, r.offset + from);
                const int16_t a = reduce_run(r.delta + at, r.q + at, n, int16_t(1 << (r.bits - 1)), sum, product);
                top = a > top ? a : top;
              },
              [&] {
                fold(sum, width, from, r.channels, r.sum);
                fold(product, width, from, r.channels, r.product);
              });
  }
  *r.delta_max = top;
}

inline void backward_l1(const NormBackward& b, int64_t at, int from, int n, int16_t zero, int16_t* __restrict top) {
  const int16_t* delta = b.delta + at;  // may be dy
  const uint8_t* __restrict code = b.q + at;
  const int16_t* __restrict scale = b.scale + from;
  const int16_t* __restrict mean = b.mean + from;
  const int16_t* __restrict slope = b.slope + from;
  int16_t* dy = b.dy + at;
  const int16_t p = b.delta_pow2;
  for (int i = 0; i < n; ++i) {
    const int16_t q = int16_t(int16_t(code[i]) - zero);
    const int16_t sign = int16_t((q >> 15) | 1);
    const int16_t v = int16_t(mulh(int16_t(delta[i] * p), scale[i]) - mean[i] - int16_t(sign * slope[i]));
    const int16_t a = int16_t(v < 0 ? -v : v);
    dy[i] = v;
    top[i] = a > top[i] ? a : top[i];
  }
}

inline void backward_l2(const NormBackward& b, int64_t at, int from, int n, int16_t zero, int16_t* __restrict top) {
  const int16_t* delta = b.delta + at;  // may be dy
  const uint8_t* __restrict code = b.q + at;
  const int16_t* __restrict scale = b.scale + from;
  const int16_t* __restrict mean = b.mean + from;
  const int16_t* __restrict slope = b.slope + from;
  int16_t* dy = b.dy + at;
  const int16_t p = b.delta_pow2, up = int16_t(1 << (16 - b.bits));
  for (int i = 0; i < n; ++i) {
    const int16_t q = int16_t(int16_t(int16_t(code[i]) - zero) * up);
    const int16_t v = int16_t(mulh(int16_t(delta[i] * p), scale[i]) - mean[i] - mulh(q, slope[i]));
    const int16_t a = int16_t(v < 0 ? -v : v);
    dy[i] = v;
    top[i] = a > top[i] ? a : top[i];
  }
}

void backward(int64_t count, const NormBackward& b) {
  if (b.saved) b.saved->restore(count, false);
  const int period = period_of(b.channels);
  const int16_t zero = int16_t(1 << (b.bits - 1));
  alignas(64) int16_t top[tile];
  for (int from = 0; from < period && from < count; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) top[i] = 0;
    for (int64_t at = from; at < count; at += period) {
      const int n = int(count - at < width ? count - at : width);
      if (b.l2) backward_l2(b, at, from, n, zero, top);
      else backward_l1(b, at, from, n, zero, top);
    }
    const int run = width < b.channels ? width : b.channels;
    int32_t* __restrict to = b.dy_max + from % b.channels;
    for (int base = 0; base < width; base += run)
      for (int c = 0; c < run; ++c) to[c] = top[base + c] > to[c] ? top[base + c] : to[c];
  }
}

void combine(const int16_t* a, int16_t a_pow2, int16_t a_scale, const int16_t* b, int16_t b_pow2, int16_t b_scale,
             int64_t count, int16_t* out) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = int16_t(mulh(int16_t(a[i] * a_pow2), a_scale) + mulh(int16_t(b[i] * b_pow2), b_scale));
}

inline void affine_run(const int16_t* y, int n, const NormAffine& f, int from, int64_t at) {  // y may be z
  const int16_t* __restrict scale = f.scale + from;
  const int32_t* __restrict offset = f.offset + from;
  const int16_t* __restrict shift = f.shift + from;
  const int16_t* __restrict low = f.low + from;
  const int16_t* __restrict high = f.high + from;
  alignas(64) int16_t value[tile];
  for (int i = 0; i < n; ++i) {
    int32_t v = (int32_t(y[i]) * scale[i] + offset[i]) >> shift[i];
    v = v < low[i] ? low[i] : v;
    value[i] = int16_t(v > high[i] ? high[i] : v);
  }
  if (f.residual) {
    const int16_t* __restrict residual = f.residual + at;
    const int16_t p = f.residual_pow2, m = f.residual_scale, floor = f.relu ? int16_t{0} : int16_t{-32767};
    for (int i = 0; i < n; ++i) {
      const int16_t v = int16_t(value[i] + mulh(int16_t(residual[i] * p), m));
      value[i] = v > floor ? v : floor;
    }
  }
  int16_t* z = f.z + at;
  for (int i = 0; i < n; ++i) z[i] = value[i];
}

void affine(const int16_t* y, int64_t count, const NormAffine& f) {
  const int period = period_of(f.channels);
  for (int from = 0; from < period && from < count; from += tile)
    tile_runs(count, period, from, 1 << 30, [&](int64_t at, int n) { affine_run(y + at, n, f, from, at); }, [] {});
}
