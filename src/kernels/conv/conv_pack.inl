// Operands of backward-weights. V::transpose16<bits>(pixels, step, out, out_channel, count): 16 channels of 16 pixels, of
// which `count` are stored (and so many may be read); V::interleave16(pixel, step, out) turns 16 bytes of four pixels,
// `step` bytes apart, into 16 words.

template <class V, int Bits>
void transpose_rows(const Transpose& t) {
  for (int row = 0; row < t.rows; ++row)
    for (int j = 0; j < t.count; j += 16) {
      const int count = t.count - j < 16 ? t.count - j : 16;
      const uint8_t* pixels = t.pixels + row * t.row_step + j * t.step;
      uint8_t* out = t.out + row * t.out_row + j;
      int c = 0;
      for (; c + 16 <= t.channels; c += 16)
        V::template transpose16<Bits>(pixels + c * Bits / 8, t.step, out + c * t.out_channel, t.out_channel, count);
      for (; c < t.channels; ++c)
        for (int i = 0; i < count; ++i) {
          const uint8_t byte = pixels[i * t.step + c * Bits / 8];
          out[c * t.out_channel + i] = Bits == 8 ? byte : uint8_t((byte >> (c % 2 * 4)) & 15);
        }
    }
}

template <class V>
void transpose(const Transpose& t) {
  if (t.bits == 4) transpose_rows<V, 4>(t);
  else transpose_rows<V, 8>(t);
}

/// 16 columns of one block, pixel by pixel: where the row or the channels end inside it.
inline void words_by_element(const uint8_t* pixel, int pixels, int channels, int stride, uint8_t* out) {
  for (int c = 0; c < 16; ++c)
    for (int j = 0; j < 4; ++j) out[4 * c + j] = j < pixels && c < channels ? pixel[int64_t(j) * stride + c] : 0;
}

template <class V>
void gradient_words(const GradientWords& g) {
  for (int row = 0; row < g.rows; ++row)
    for (int column = 0; column < g.n; column += 16) {
      const int64_t step = int64_t{4} * panel_width(g.n, column);
      const uint8_t* p = g.codes + int64_t(row) * g.pixels * g.channels + column;
      uint8_t* out = g.out + column / panel_columns * g.out_panel + row * g.blocks * step + column % panel_columns * 4;
      int b = 0;
      if (column + 16 <= g.channels)
        for (; 4 * b + 4 <= g.pixels; ++b, p += 4 * g.channels, out += step) V::interleave16(p, g.channels, out);
      for (; b < g.blocks; ++b, p += 4 * g.channels, out += step)
        words_by_element(p, g.pixels - 4 * b, g.channels - column, g.channels, out);
    }
}
