// The register tile of backward-weights: RC channels x DX kernel columns of broadcast pixels against NV vectors of gradient
// words, over all rows of several images. Policy V as in conv_product.inl.

template <class V, Dot D, int DX, int RC, int NV>
__attribute__((noinline)) void gradient_tile(const WeightsGradient& p, int dy, int dx, int k, int n) {
  constexpr bool in_pairs = V::has_pairs && D == Dot::u8s8;
  constexpr bool has_offset = V::has_offset && D != Dot::s16;
  constexpr int rows = RC * DX, bases = (RC + 3) / 4;
  typename V::Vec acc[rows][NV];
  [[maybe_unused]] typename V::Vec pairs[rows][NV], offset[NV];
  if constexpr (has_offset)
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) offset[v] = V::zero();
  SUBBYTE_UNROLL for (int r = 0; r < rows; ++r)
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
      acc[r][v] = V::zero();
      if constexpr (in_pairs) pairs[r][v] = V::zero();
    }
  const int64_t step = p.x_channel, g_step = int64_t{4} * panel_width(p.n, n);
  int64_t step3 = 3 * step;
  SUBBYTE_OPAQUE(step3);
  [[maybe_unused]] int room = p.burst;
  for (int i = 0; i < p.images; ++i) {
    if (i > 0 && p.image_shift[i] != p.image_shift[i - 1]) {  // Horner: what came before counts 2^drop more
      const int drop = p.image_shift[i - 1] - p.image_shift[i];
      SUBBYTE_UNROLL for (int r = 0; r < rows; ++r)
        SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) acc[r][v] = V::shift_left(acc[r][v], drop);
      if constexpr (has_offset)
        SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) offset[v] = V::shift_left(offset[v], drop);
    }
    const uint8_t* x = p.x + i * p.x_image + k * p.x_channel + dy * int64_t(p.x_row);
    const uint8_t* g = p.g + n / panel_columns * p.g_panel + i * p.g_image + n % panel_columns * 4;
    for (int h = 0; h < p.rows; ++h, x += int64_t(p.row_step) * p.x_row) {
      const uint8_t* base[bases][DX];  // every fourth channel
      SUBBYTE_UNROLL for (int j = 0; j < bases; ++j)
        SUBBYTE_UNROLL for (int d = 0; d < DX; ++d) {
          base[j][d] = x + 4 * j * step + p.column_offset[dx + d];
          SUBBYTE_OPAQUE(base[j][d]);
        }
      for (int left = p.blocks; left > 0;) {
        int run = left;
        if constexpr (in_pairs) run = left < room ? left : room, room -= run;
        left -= run;
        for (; run > 0; --run, g += g_step) {
          typename V::template Right<D> y[NV];
          SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
            typename V::Vec words = V::load(g + v * V::lanes * 4);
            if constexpr (!in_pairs) V::keep(words);
            y[v] = V::template right<D>(words);
            if constexpr (has_offset) offset[v] = V::offset(offset[v], y[v]);
          }
          SUBBYTE_UNROLL for (int r = 0; r < RC; ++r)
            SUBBYTE_UNROLL for (int d = 0; d < DX; ++d) {
              const uint8_t* word = base[r / 4][d];
              word = r % 4 == 0 ? word : r % 4 == 1 ? word + step : r % 4 == 2 ? word + 2 * step : word + step3;
              typename V::Vec q = V::broadcast(word);
              if constexpr (NV > 1 && !in_pairs) V::keep(q);
              const auto pixels = V::template left<D>(q);
              SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
                if constexpr (in_pairs) pairs[r * DX + d][v] = V::add_pairs(pairs[r * DX + d][v], pixels, y[v]);
                else V::template dot<D>(acc[r * DX + d][v], pixels, y[v]);
              }
            }
          SUBBYTE_UNROLL for (int j = 0; j < bases; ++j)
            SUBBYTE_UNROLL for (int d = 0; d < DX; ++d) {
              base[j][d] += 4;
              SUBBYTE_OPAQUE(base[j][d]);
            }
        }
        if constexpr (in_pairs)
          if (room == 0 || (left == 0 && h + 1 == p.rows)) {
            room = p.burst;
            SUBBYTE_UNROLL for (int r = 0; r < rows; ++r)
              SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
                acc[r][v] = V::widen(acc[r][v], pairs[r][v]);
                pairs[r][v] = V::zero();
              }
          }
      }
    }
  }
  const int shift = p.image_shift[p.images - 1];
  SUBBYTE_UNROLL for (int r = 0; r < RC; ++r)
    SUBBYTE_UNROLL for (int d = 0; d < DX; ++d)
      SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) {
        int32_t* to = p.dw + (int64_t(dy * p.kw + dx + d) * p.k + k + r) * p.n + n + v * V::lanes;
        typename V::Vec sum = acc[r * DX + d][v];
        if constexpr (has_offset) sum = V::without(sum, offset[v]);
        V::store(to, V::add(V::load(to), V::shift_left(sum, shift)));
      }
}

/// All channels of one kernel row and DX of its columns; the last channels in tiles of 4.
template <class V, Dot D, int DX, int RC, int NV>
void gradient_channels(const WeightsGradient& p, int dy, int dx, int n) {
  constexpr int few = RC < 4 ? RC : 4;
  int k = 0;
  for (; k + RC <= p.k; k += RC) gradient_tile<V, D, DX, RC, NV>(p, dy, dx, k, n);
  for (; k < p.k; k += few) gradient_tile<V, D, DX, few, NV>(p, dy, dx, k, n);
}

template <class V, Dot D, int NV>
void gradient_columns(const WeightsGradient& p, int n) {
  for (int dy = 0; dy < p.kh; ++dy) {
    int dx = 0;
    for (; dx + 3 <= p.kw; dx += 3) gradient_channels<V, D, 3, V::template gradient_rows3<NV>, NV>(p, dy, dx, n);
    for (; dx < p.kw; ++dx) gradient_channels<V, D, 1, V::template gradient_rows1<NV>, NV>(p, dy, dx, n);
  }
}

template <class V, Dot D>
void gradient_product(const WeightsGradient& p) {
  constexpr int wide = V::gradient_columns, narrow = 16 / V::lanes < wide ? 16 / V::lanes : wide;
  const int end = p.last_panel * panel_columns < p.n ? p.last_panel * panel_columns : p.n;
  int n = p.first_panel * panel_columns;
  for (; n + wide * V::lanes <= end; n += wide * V::lanes) gradient_columns<V, D, wide>(p, n);
  for (; n < end; n += narrow * V::lanes) gradient_columns<V, D, narrow>(p, n);
}

template <class V>
void weights_gradient(const WeightsGradient& p, Dot dot) {
  if (V::has_pairs && dot == Dot::u8s8) gradient_product<V, Dot::u8s8>(p);
  else gradient_product<V, Dot::u8s8_wide>(p);
}
