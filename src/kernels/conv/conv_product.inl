// The register tile of the forward and backward-data products, for any vector policy V:
//   V::Vec, V::lanes (32-bit), zero, load, store, add, min, max, all(int32), broadcast(pointer to a word),
//   shift_left/shift_right(v, count), any_less(a, b), narrow_store(int16 pointer, v), narrow_store(pointer, v, v);
//   V::left<Dot>(a), V::right<Dot>(w): what dot can use of an operand several times; dot<Dot>(acc&, left, right);
//   V::has_pairs: u8s8 words are added up in int16 pairs first, add_pairs(pairs, a, w) and widen(acc, pairs);
//   V::has_offset: of byte operands, left(a) stands for a less a constant; offset(sums, right) adds up what that makes of the
//   products, once for all pixels, and without(acc, sums) takes it out at the end;
//   V::keep(v): keeps a loaded operand in its register, where compilers would load it again for every use.
// Included by the ISA files inside their own unnamed namespace.

#define SUBBYTE_UNROLL _Pragma("GCC unroll 32")
// Hides a pointer's origin, so that a few registers with fixed distances serve all rows of a tile.
#define SUBBYTE_OPAQUE(pointer) asm("" : "+r"(pointer))

// From this shift on, int32 leaves less than stream_limit. The half that rounds may not fit beside the sum there: it is added
// when all bits but one are gone, ((acc >> (shift - 1)) + 1) >> 1, which is the same number.
constexpr int late_half = 18;
inline int32_t early_half(int shift) { return shift > 0 && shift < late_half ? 1 << (shift - 1) : 0; }

/// Sum of y and extremes of acc, by column.
template <class V, int NV>
struct ColumnStats {
  typename V::Vec low[NV], high[NV], sum[NV];

  inline void load(const ImageProduct& p, int column) {
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
      low[v] = V::load(p.low + column + v * V::lanes);
      high[v] = V::load(p.high + column + v * V::lanes);
      sum[v] = p.sum ? V::load(p.sum + column + v * V::lanes) : V::zero();
    }
  }
  inline void store(const ImageProduct& p, int column) const {
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
      V::store(p.low + column + v * V::lanes, low[v]);
      V::store(p.high + column + v * V::lanes, high[v]);
      if (p.sum) V::store(p.sum + column + v * V::lanes, sum[v]);
    }
  }
};

/// `y` = the tile's sums, which include early_half, narrowed.
template <class V, int MR, int NV>
inline void finish_tile(const ImageProduct& p, typename V::Vec (&acc)[MR][NV], int32_t half, int16_t* y, int column,
                        ColumnStats<V, NV>& stats) {
  const int last = p.shift < late_half ? p.shift : 1;
  SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
    typename V::Vec low = acc[0][v], high = acc[0][v];
    SUBBYTE_UNROLL for (int m = 1; m < MR; ++m) {
      low = V::min(low, acc[m][v]);
      high = V::max(high, acc[m][v]);
    }
    stats.low[v] = V::min(stats.low[v], V::add(low, V::all(-half)));
    stats.high[v] = V::max(stats.high[v], V::add(high, V::all(-half)));
    if (p.shift < late_half) {
      const int32_t most = (stream_limit << p.shift) + ((1 << p.shift) - 1), least = -(stream_limit << p.shift);
      if (V::any_less(low, V::all(least)) || V::any_less(V::all(most), high))
        SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) acc[m][v] = V::max(V::min(acc[m][v], V::all(most)), V::all(least));
    } else {
      SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) acc[m][v] = V::add(V::shift_right(acc[m][v], p.shift - 1), V::all(1));
    }
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
      acc[m][v] = V::shift_right(acc[m][v], last);
      stats.sum[v] = V::add(stats.sum[v], acc[m][v]);
    }
  }
  if (column + NV * V::lanes > p.channels) {
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
      SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
        const int at = column + v * V::lanes, left = p.channels - at, some = left < V::lanes ? left : V::lanes;
        int16_t all[V::lanes];
        V::narrow_store(all, acc[m][v]);
        if (some > 0) __builtin_memcpy(y + m * p.y_pixel + at, all, size_t(some) * 2);
      }
  } else if constexpr (NV % 2 == 0) {
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
      SUBBYTE_UNROLL for (int v = 0; v < NV; v += 2)
        V::narrow_store(y + m * p.y_pixel + column + v * V::lanes, acc[m][v], acc[m][v + 1]);
  } else if (NV == 1 && MR % 2 == 0 && p.y_pixel == V::lanes) {
    SUBBYTE_UNROLL for (int m = 0; m + 1 < MR; m += 2) V::narrow_store(y + m * V::lanes + column, acc[m][0], acc[m + 1][0]);
  } else {
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
      SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) V::narrow_store(y + m * p.y_pixel + column + v * V::lanes, acc[m][v]);
  }
}

/// MR pixels from `a` on times NV vectors of columns.
template <class V, Dot D, int MR, int NV>
__attribute__((noinline)) void product_tile(const ImageProduct& p, const uint8_t* a, int16_t* y, int column) {
  constexpr bool in_pairs = V::has_pairs && D == Dot::u8s8;
  constexpr bool has_offset = V::has_offset && D != Dot::s16;
  constexpr int bases = (MR + 3) / 4;
  typename V::Vec acc[MR][NV];
  [[maybe_unused]] typename V::Vec pairs[MR][NV], offset[NV];
  const int32_t half = early_half(p.shift);
  SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
    const typename V::Vec start = V::add(V::load(p.init + column + v * V::lanes), V::all(half));
    if constexpr (has_offset) offset[v] = V::zero();
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
      acc[m][v] = start;
      if constexpr (in_pairs) pairs[m][v] = V::zero();
    }
  }
  const uint8_t* w = p.w + panel_word(int64_t(p.taps) * p.k, p.n, 0, column) * 4;
  const int64_t w_step = int64_t{4} * panel_width(p.n, column), step = p.pixel_step;
  int64_t step3 = 3 * step;
  SUBBYTE_OPAQUE(step3);
  [[maybe_unused]] int room = p.burst;
  for (int tap = 0; tap < p.taps; ++tap) {
    const uint8_t* base[bases];  // every fourth pixel
    SUBBYTE_UNROLL for (int i = 0; i < bases; ++i) {
      base[i] = a + p.tap_offset[tap] + 4 * i * step;
      SUBBYTE_OPAQUE(base[i]);
    }
    for (int left = p.k; left > 0;) {
      int run = left;
      if constexpr (in_pairs) run = left < room ? left : room, room -= run;
      left -= run;
      for (; run > 0; --run, w += w_step) {
        typename V::template Right<D> b[NV];
        SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
          typename V::Vec words = V::load(w + v * V::lanes * 4);
          if constexpr (!in_pairs) V::keep(words);
          b[v] = V::template right<D>(words);
          if constexpr (has_offset) offset[v] = V::offset(offset[v], b[v]);
        }
        SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
          const uint8_t* word = base[m / 4];
          word = m % 4 == 0 ? word : m % 4 == 1 ? word + step : m % 4 == 2 ? word + 2 * step : word + step3;
          typename V::Vec x = V::broadcast(word);
          if constexpr (NV > 1 && !in_pairs) V::keep(x);
          const auto pixel = V::template left<D>(x);
          SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
            if constexpr (in_pairs) pairs[m][v] = V::add_pairs(pairs[m][v], pixel, b[v]);
            else V::template dot<D>(acc[m][v], pixel, b[v]);
          }
        }
        SUBBYTE_UNROLL for (int i = 0; i < bases; ++i) {
          base[i] += 4;
          SUBBYTE_OPAQUE(base[i]);
        }
      }
      if constexpr (in_pairs)
        if (room == 0 || (left == 0 && tap + 1 == p.taps)) {
          room = p.burst;
          SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
            SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
              acc[m][v] = V::widen(acc[m][v], pairs[m][v]);
              pairs[m][v] = V::zero();
            }
        }
    }
  }
  if constexpr (has_offset)
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
      SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) acc[m][v] = V::without(acc[m][v], offset[v]);
  ColumnStats<V, NV> stats;
  stats.load(p, column);
  finish_tile<V, MR, NV>(p, acc, half, y, column, stats);
  stats.store(p, column);
}

/// Hands out the lines of a product's ReadAhead evenly over its tiles.
struct LinesAhead {
  const ReadAhead* range;
  int ranges;
  int64_t at = 0, lines_a_tile;

  LinesAhead(const ImageProduct& p, int64_t tiles) : range(p.ahead), ranges(p.ahead_count) {
    int64_t bytes = 0;
    for (int i = 0; i < ranges; ++i) bytes += range[i].bytes;
    lines_a_tile = bytes / 64 / (tiles > 0 ? tiles : 1) + 1;
  }
  void some() {
    for (int64_t i = 0; i < lines_a_tile && ranges > 0; ++i, at += 64) {
      if (at >= range->bytes) {
        ++range, --ranges;
        at = -64;
        continue;
      }
      __builtin_prefetch(static_cast<const char*>(range->memory) + at, 0, 2);
    }
  }
};

/// One input row's share of a pair of output rows: the upper one's tap of that row, and the lower one's tap before.
template <class V, Dot D, int MR, bool Upper, bool Lower>
__attribute__((always_inline)) inline void pair_row(const ImageProduct& p, const uint8_t* a, const uint8_t* w, int64_t w_step,
                                                    typename V::Vec (&upper)[MR][1], typename V::Vec (&lower)[MR][1]) {
  constexpr int bases = (MR + 3) / 4;
  const int64_t tap_words = p.k * w_step, step = p.pixel_step;
  int64_t step3 = 3 * step;
  SUBBYTE_OPAQUE(step3);
  const uint8_t* base[bases];
  SUBBYTE_UNROLL for (int i = 0; i < bases; ++i) {
    base[i] = a + 4 * i * step;
    SUBBYTE_OPAQUE(base[i]);
  }
  for (int k = p.k; k > 0; --k, w += w_step) {
    typename V::Vec up = V::load(Upper ? w : w - tap_words), low = V::load(Lower ? w - tap_words : w);
    V::keep(up);
    V::keep(low);
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
      const uint8_t* word = base[m / 4];
      word = m % 4 == 0 ? word : m % 4 == 1 ? word + step : m % 4 == 2 ? word + 2 * step : word + step3;
      typename V::Vec x = V::broadcast(word);
      V::keep(x);
      if constexpr (Upper) V::template dot<D>(upper[m][0], x, up);
      if constexpr (Lower) V::template dot<D>(lower[m][0], x, low);
    }
    SUBBYTE_UNROLL for (int i = 0; i < bases; ++i) {
      base[i] += 4;
      SUBBYTE_OPAQUE(base[i]);
    }
  }
}

/// Half a panel leaves tiles of one vector, with a broadcast for every dot. Where the next output row's taps are this row's
/// taps one row on, two output rows share the broadcasts: MR pixels x 2 rows. Returns the rows done.
template <class V, Dot D, int MR>
int product_row_pairs(const ImageProduct& p, int column, LinesAhead& ahead) {
  const int32_t half = early_half(p.shift);
  const typename V::Vec start = V::add(V::load(p.init + column), V::all(half));
  const uint8_t* const words = p.w + panel_word(int64_t(p.taps) * p.k, p.n, 0, column) * 4;
  const int64_t w_step = int64_t{4} * panel_width(p.n, column), tap_words = p.k * w_step;
  ColumnStats<V, 1> stats;
  stats.load(p, column);
  int row = 0;
  for (; row + 2 <= p.rows; row += 2)
    for (int pixel = 0; pixel < p.pixels; pixel += MR) {
      ahead.some();
      typename V::Vec upper[MR][1], lower[MR][1];
      SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) upper[m][0] = lower[m][0] = start;
      const uint8_t* a = p.a + row * p.row_step + pixel * p.pixel_step + p.tap_offset[0];
      const uint8_t* w = words;
      pair_row<V, D, MR, true, false>(p, a, w, w_step, upper, lower);
      for (int tap = 1; tap < p.taps; ++tap) {
        a += p.row_step;
        w += tap_words;
        pair_row<V, D, MR, true, true>(p, a, w, w_step, upper, lower);
      }
      pair_row<V, D, MR, false, true>(p, a + p.row_step, w + tap_words, w_step, upper, lower);
      int16_t* y = p.y + row * p.y_row + pixel * p.y_pixel;
      finish_tile<V, MR, 1>(p, upper, half, y, column, stats);
      finish_tile<V, MR, 1>(p, lower, half, y + p.y_row, column, stats);
    }
  stats.store(p, column);
  return row;
}

/// Whether a tap lies one output row after the one before it.
inline bool taps_follow_rows(const ImageProduct& p) {
  for (int tap = 1; tap < p.taps; ++tap)
    if (p.tap_offset[tap] - p.tap_offset[tap - 1] != p.row_step) return false;
  return p.taps > 1;
}

using TileFunction = void (*)(const ImageProduct&, const uint8_t*, int16_t*, int);

/// The tile of m pixels. (No std::array: its functions would be compiled for this instruction set and linked for all.)
template <class V, Dot D, int NV, int... M>
inline TileFunction tile_of(int m, std::integer_sequence<int, M...>) {
  static constexpr TileFunction tiles[] = {product_tile<V, D, M + 1, NV>...};
  return tiles[m - 1];
}

template <class V, Dot D, int NV>
void product_columns(const ImageProduct& p, int column, LinesAhead& ahead) {
  constexpr int most = V::template tile_pixels<D, NV>;
  constexpr int usual = V::template usual_pixels<D, NV>;
  int row = 0;
  if constexpr (NV == 1 && V::row_pair > 0)
    if (p.pixels % V::row_pair == 0 && taps_follow_rows(p)) row = product_row_pairs<V, D, V::row_pair>(p, column, ahead);
  for (; row < p.rows; ++row) {
    const uint8_t* a = p.a + row * p.row_step;
    int16_t* y = p.y + row * p.y_row;
    for (int left = p.pixels; left > 0;) {
      const int m = left <= most ? left : usual;
      ahead.some();
      tile_of<V, D, NV>(m, std::make_integer_sequence<int, most>{})(p, a, y, column);
      a += m * p.pixel_step;
      y += m * p.y_pixel;
      left -= m;
    }
  }
}

template <class V, Dot D>
void image_product(const ImageProduct& p) {
  constexpr int wide = V::product_columns;
  LinesAhead ahead(p, int64_t(p.rows) * p.pixels / 16 * (p.n / (wide * V::lanes) + 1));
  int column = 0;
  for (; column + wide * V::lanes <= p.n; column += wide * V::lanes) product_columns<V, D, wide>(p, column, ahead);
  for (; column < p.n; column += 16) product_columns<V, D, 16 / V::lanes>(p, column, ahead);
}

template <class V>
void product(const ImageProduct& p, Dot dot) {
  if (dot == Dot::s16) return image_product<V, Dot::s16>(p);
  if (V::has_pairs && dot == Dot::u8s8) return image_product<V, Dot::u8s8>(p);
  image_product<V, Dot::u8s8_wide>(p);
}
