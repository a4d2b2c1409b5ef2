// Operands of backward-weights. V::transpose16(rows, out, out_channel, count): 16 channels of 16 pixel pointers, of which
// `count` are stored; V::interleave16(pixel, step, out) turns 16 bytes
// of four pixels, `step` bytes apart, into 16 words.

template <class V>
void transpose(const Transpose& t) {
  for (int j = 0; j < t.count; j += 16) {
    const int count = t.count - j < 16 ? t.count - j : 16;
    int c = 0;
    for (; c + 16 <= t.channels; c += 16) {
      const uint8_t* rows[16];
      for (int i = 0; i < 16; ++i) rows[i] = t.pixels + (j + (i < count ? i : count - 1)) * t.step + c;
      V::transpose16(rows, t.out + c * t.out_channel + j, t.out_channel, count);
    }
    for (; c < t.channels; ++c) {
      uint8_t* out = t.out + c * t.out_channel + j;
      const uint8_t* in = t.pixels + j * t.step + c;
      for (int i = 0; i < count; ++i) out[i] = in[i * t.step];
    }
  }
}

/// 16 columns of one block, pixel by pixel: where the row or the channels end inside it.
inline void words_by_element(const uint8_t* pixel, int pixels, int channels, int stride, uint8_t* out) {
  for (int c = 0; c < 16; ++c)
    for (int j = 0; j < 4; ++j) out[4 * c + j] = j < pixels && c < channels ? pixel[int64_t(j) * stride + c] : 0;
}

template <class V>
void gradient_words(const GradientWords& g) {
  const int blocks = (g.pixels + 3) / 4;
  for (int row = 0; row < g.rows; ++row)
    for (int column = 0; column < g.n; column += 16) {
      const int64_t step = int64_t{4} * panel_width(g.n, column);
      const uint8_t* p = g.codes + int64_t(row) * g.pixels * g.channels + column;
      uint8_t* out = g.out + column / panel_columns * g.out_panel + row * blocks * step + column % panel_columns * 4;
      int b = 0;
      if (column + 16 <= g.channels)
        for (; 4 * b + 4 <= g.pixels; ++b, p += 4 * g.channels, out += step) V::interleave16(p, g.channels, out);
      for (; b < blocks; ++b, p += 4 * g.channels, out += step)
        words_by_element(p, g.pixels - 4 * b, g.channels - column, g.channels, out);
    }
}
