// The register tiles of both products, for any vector policy V:
//   V::Vec, V::lanes (32-bit), load, store, add, shift_left, broadcast(pointer to a word), template dot<Dot>(acc, a, w);
//   V::has_pairs: u8s8 words are added up in int16 pairs first, add_pairs(pairs, a, w) and widen(acc, pairs);
//   V::left<Dot>(a), V::right<Dot>(w): what dot can use of an operand several times.
// Included by the ISA files inside their own unnamed namespace.

#define SUBBYTE_UNROLL _Pragma("GCC unroll 32")

template <class V, Dot D, int MR, int NV>
inline void row_tile(const RowProduct& p, int pixel, int column) {
  typename V::Vec acc[MR][NV];
  SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
    const typename V::Vec start = V::load(p.init + column + v * V::lanes);
    SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) acc[m][v] = start;
  }
  const uint8_t* w = p.w + int64_t{4} * column;
  const int64_t step = p.pixel_step;
  if constexpr (V::has_pairs && D == Dot::u8s8) {
    typename V::Vec pairs[MR][NV];
    SUBBYTE_UNROLL for (int i = 0; i < MR * NV; ++i) pairs[i / NV][i % NV] = V::zero();
    int room = p.burst;
    auto widen = [&] {
      SUBBYTE_UNROLL for (int i = 0; i < MR * NV; ++i) {
        acc[i / NV][i % NV] = V::widen(acc[i / NV][i % NV], pairs[i / NV][i % NV]);
        pairs[i / NV][i % NV] = V::zero();
      }
    };
    for (int tap = 0; tap < p.taps; ++tap) {
      const uint8_t* a = p.a + p.tap_offset[tap] + pixel * step;
      for (int k = 0; k < p.k;) {
        const int end = p.k - k < room ? p.k : k + room;
        room -= end - k;
        for (; k < end; ++k, a += 4, w += int64_t{4} * p.n) {
          typename V::Vec b[NV];
          SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) b[v] = V::load(w + v * V::lanes * 4);
          SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
            const typename V::Vec x = V::broadcast(a + m * step);
            SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) pairs[m][v] = V::add_pairs(pairs[m][v], x, b[v]);
          }
        }
        if (room == 0) widen(), room = p.burst;
      }
    }
    widen();
  } else {
    for (int tap = 0; tap < p.taps; ++tap) {
      const uint8_t* a = p.a + p.tap_offset[tap] + pixel * step;
      for (int k = 0; k < p.k; ++k, a += 4, w += int64_t{4} * p.n) {
        typename V::template Right<D> b[NV];
        SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) b[v] = V::template right<D>(V::load(w + v * V::lanes * 4));
        SUBBYTE_UNROLL for (int m = 0; m < MR; ++m) {
          const auto x = V::template left<D>(V::broadcast(a + m * step));
          SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) acc[m][v] = V::template dot<D>(acc[m][v], x, b[v]);
        }
      }
    }
  }
  SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v)
      V::store(p.out + int64_t(pixel + m) * p.n + column + v * V::lanes, acc[m][v]);
}

template <class V, Dot D, int NV>
inline void row_columns(const RowProduct& p, int column) {
  constexpr int largest = V::rows / NV;
  int pixel = 0;
  while (pixel < p.pixels) {
    const int left = p.pixels - pixel;
    if (left >= 16 && largest >= 16) row_tile<V, D, largest >= 16 ? 16 : 1, NV>(p, pixel, column), pixel += 16;
    else if (left >= 12 && largest >= 12 && left != 16) row_tile<V, D, largest >= 12 ? 12 : 1, NV>(p, pixel, column), pixel += 12;
    else if (left >= 8 && largest >= 8) row_tile<V, D, largest >= 8 ? 8 : 1, NV>(p, pixel, column), pixel += 8;
    else if (left >= 6 && largest >= 6) row_tile<V, D, largest >= 6 ? 6 : 1, NV>(p, pixel, column), pixel += 6;
    else if (left >= 4) row_tile<V, D, 4, NV>(p, pixel, column), pixel += 4;
    else if (left >= 2) row_tile<V, D, 2, NV>(p, pixel, column), pixel += 2;
    else row_tile<V, D, 1, NV>(p, pixel, column), pixel += 1;
  }
}

template <class V, Dot D>
inline void row_product(const RowProduct& p) {
  int column = 0;
  for (; column + 2 * V::lanes <= p.n; column += 2 * V::lanes) row_columns<V, D, 2>(p, column);
  for (; column < p.n; column += V::lanes) row_columns<V, D, 1>(p, column);
}

template <class V>
void row(const RowProduct& p, Dot dot) {
  switch (dot) {
    case Dot::u8s8: return row_product<V, Dot::u8s8>(p);
    case Dot::u8s8_wide: return row_product<V, Dot::u8s8_wide>(p);
    case Dot::s16: return row_product<V, Dot::s16>(p);
  }
}

template <class V, Dot D, int NR, int NK>
inline void gradient_tile(const WeightsGradient& p, int dy, int dx, int k, int n) {
  typename V::Vec acc[NR][NK];
  SUBBYTE_UNROLL for (int i = 0; i < NR * NK; ++i) acc[i / NK][i % NK] = V::zero();
  const uint8_t* x_plane = p.x + dx * p.x_tap + int64_t{4} * k;
  const uint8_t* g = p.g + int64_t{4} * n;
  const int64_t x_block = int64_t{4} * p.k, g_block = int64_t{4} * p.n;
  if constexpr (V::has_pairs && D == Dot::u8s8) {
    typename V::Vec pairs[NR][NK];
    SUBBYTE_UNROLL for (int i = 0; i < NR * NK; ++i) pairs[i / NK][i % NK] = V::zero();
    int room = p.burst;
    auto widen = [&] {
      SUBBYTE_UNROLL for (int i = 0; i < NR * NK; ++i) {
        acc[i / NK][i % NK] = V::widen(acc[i / NK][i % NK], pairs[i / NK][i % NK]);
        pairs[i / NK][i % NK] = V::zero();
      }
    };
    for (int h = 0; h < p.rows_out; ++h) {
      const uint8_t* x = x_plane + (int64_t(h) * p.row_step + dy) * p.x_row;
      for (int b = 0; b < p.blocks;) {
        const int end = p.blocks - b < room ? p.blocks : b + room;
        room -= end - b;
        for (; b < end; ++b, x += x_block, g += g_block) {
          typename V::Vec pixels[NK];
          SUBBYTE_UNROLL for (int v = 0; v < NK; ++v) pixels[v] = V::load(x + v * V::lanes * 4);
          SUBBYTE_UNROLL for (int r = 0; r < NR; ++r) {
            const typename V::Vec y = V::broadcast(g + 4 * r);
            SUBBYTE_UNROLL for (int v = 0; v < NK; ++v) pairs[r][v] = V::add_pairs(pairs[r][v], pixels[v], y);
          }
        }
        if (room == 0) widen(), room = p.burst;
      }
    }
    widen();
  } else {
    for (int h = 0; h < p.rows_out; ++h) {
      const uint8_t* x = x_plane + (int64_t(h) * p.row_step + dy) * p.x_row;
      for (int b = 0; b < p.blocks; ++b, x += x_block, g += g_block) {
        typename V::template Left<D> pixels[NK];
        SUBBYTE_UNROLL for (int v = 0; v < NK; ++v) pixels[v] = V::template left<D>(V::load(x + v * V::lanes * 4));
        SUBBYTE_UNROLL for (int r = 0; r < NR; ++r) {
          const auto y = V::template right<D>(V::broadcast(g + 4 * r));
          SUBBYTE_UNROLL for (int v = 0; v < NK; ++v) acc[r][v] = V::template dot<D>(acc[r][v], pixels[v], y);
        }
      }
    }
  }
  int32_t* dw = p.dw + (int64_t(dy * p.kw + dx) * p.n + n) * p.k + k;
  SUBBYTE_UNROLL for (int r = 0; r < NR; ++r)
    SUBBYTE_UNROLL for (int v = 0; v < NK; ++v) {
      int32_t* to = dw + int64_t(r) * p.k + v * V::lanes;
      V::store(to, V::add(V::load(to), V::shift_left(acc[r][v], p.shift)));
    }
}

template <class V, Dot D>
inline void gradient_product(const WeightsGradient& p) {
  constexpr int columns = V::gradient_columns, narrow = V::gradient_rows < 8 ? V::gradient_rows : 8;
  for (int dy = 0; dy < p.kh; ++dy)
    for (int dx = 0; dx < p.kw; ++dx)
      for (int k = 0; k < p.k; k += columns * V::lanes) {
        int n = 0;
        for (; n + V::gradient_rows <= p.n; n += V::gradient_rows) gradient_tile<V, D, V::gradient_rows, columns>(p, dy, dx, k, n);
        for (; n < p.n; n += narrow) gradient_tile<V, D, narrow, columns>(p, dy, dx, k, n);
      }
}

template <class V>
void weights_gradient(const WeightsGradient& p, Dot dot) {
  if (dot == Dot::u8s8) gradient_product<V, Dot::u8s8>(p);
  else gradient_product<V, Dot::u8s8_wide>(p);
}

/// V::interleave16 turns 16 bytes of four pixels into 16 words, V::interleave8 likewise 8.
template <class V>
void slide(const SlideRow& s) {
  for (int b = 0; b < s.blocks; ++b) {
    const uint8_t* p[4];
    SUBBYTE_UNROLL for (int j = 0; j < 4; ++j) {
      const int pixel = (4 * b + j) * s.step;
      p[j] = s.pixels + int64_t(pixel < s.last ? pixel : s.last) * s.channels;
    }
    uint8_t* out = s.out + int64_t(b) * s.channels * 4;
    int c = 0;
    for (; c + 16 <= s.channels; c += 16) V::interleave16(p[0] + c, p[1] + c, p[2] + c, p[3] + c, out + 4 * c);
    for (; c < s.channels; c += 8) V::interleave8(p[0] + c, p[1] + c, p[2] + c, p[3] + c, out + 4 * c);
  }
}
