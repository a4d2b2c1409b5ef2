// Flat loops that the compiler turns into vectors of the including file's instruction set. Words are handled as 32-bit
// lanes; Group is the number of elements in one, 4 bytes or 2 int16.

uint32_t range(const float* value, int64_t count) {
  uint32_t top = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, value + i, 4);
    bits &= 0x7FFFFFFF;
    top = bits > top ? bits : top;
  }
  return top;
}

void codes(const float* __restrict value, int64_t count, double inverse, int top, int8_t* __restrict code) {
  constexpr double to_even = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves no fraction, rounded half to even
  const double high = top, low = -high;
  for (int64_t i = 0; i < count; ++i) {
    double v = value[i] * inverse;
    v = v < low ? low : v;
    v = v > high ? high : v;
    code[i] = int8_t(int32_t((v + to_even) - to_even));
  }
}

/// Channels [from, channels), 32 at a time, so that the compiler has rows to work on.
void filters_from(int from, const float* value, int taps, int channels, double inverse, int top, int most_shift, int8_t* code) {
  constexpr int width = 32;
  constexpr double to_even = 6755399441055744.0;
  const double high = top, low = -high;
  for (int c = from; c < channels; c += width) {
    const int count = channels - c < width ? channels - c : width;
    float most[width] = {};
    double by[width];
    int32_t factor[width];
    for (int tap = 0; tap < taps; ++tap) {
      const float* __restrict row = value + int64_t(tap) * channels + c;
      for (int i = 0; i < count; ++i) {
        const float size = row[i] < 0 ? -row[i] : row[i];
        most[i] = size > most[i] ? size : most[i];
      }
    }
    for (int i = 0; i < count; ++i) by[i] = inverse, factor[i] = 1;
    for (int u = 0; u < most_shift; ++u)
      for (int i = 0; i < count; ++i) {
        const bool beyond = most[i] * inverse > (top + 0.5) * (1 << u);
        by[i] = beyond ? by[i] * 0.5 : by[i];
        factor[i] = beyond ? factor[i] * 2 : factor[i];
      }
    for (int tap = 0; tap < taps; ++tap) {
      const float* __restrict row = value + int64_t(tap) * channels + c;
      int8_t* __restrict to = code + int64_t(tap) * channels + c;
      for (int i = 0; i < count; ++i) {
        double v = row[i] * by[i];
        v = v < low ? low : v;
        v = v > high ? high : v;
        to[i] = int8_t(int32_t((v + to_even) - to_even) * factor[i]);
      }
    }
  }
}

[[maybe_unused]] void filters(const float* value, int taps, int channels, double inverse, int top, int most_shift,
                              int8_t* code) {
  filters_from(0, value, taps, channels, inverse, top, most_shift, code);
}

/// Element i of a word, which is code << left.
template <int Group>
inline uint32_t element(int8_t code, int left, int i) {
  constexpr uint32_t mask = Group == 4 ? 0xFF : 0xFFFF;
  return ((uint32_t(int32_t(code)) << left) & mask) << (32 / Group * i);
}

/// words[n] joins the codes of `Group` rows; their elements are added to sum.
template <int Group>
inline void join(const int8_t* const* row, const int32_t* left, int count, uint32_t* __restrict words,
                 int32_t* __restrict sum) {
  if constexpr (Group == 4) {
    const int8_t *__restrict a = row[0], *__restrict b = row[1], *__restrict c = row[2], *__restrict d = row[3];
    const int ka = left[0], kb = left[1], kc = left[2], kd = left[3];
    for (int n = 0; n < count; ++n) {
      words[n] = element<4>(a[n], ka, 0) | element<4>(b[n], kb, 1) | element<4>(c[n], kc, 2) | element<4>(d[n], kd, 3);
      sum[n] += a[n] * (1 << ka) + b[n] * (1 << kb) + c[n] * (1 << kc) + d[n] * (1 << kd);
    }
  } else {
    const int8_t *__restrict a = row[0], *__restrict b = row[1];
    const int ka = left[0], kb = left[1];
    for (int n = 0; n < count; ++n) {
      words[n] = element<2>(a[n], ka, 0) | element<2>(b[n], kb, 1);
      sum[n] += a[n] * (1 << ka) + b[n] * (1 << kb);
    }
  }
}

/// 16 words of `Group` codes each, one a byte; their elements are added to sum.
template <int Group>
inline void shift_words(const uint32_t* __restrict raw, const int32_t* left, uint32_t* __restrict words,
                        int32_t* __restrict sum) {
  int32_t by[Group];
  for (int r = 0; r < Group; ++r) by[r] = left[r];
  for (int n = 0; n < 16; ++n) {
    uint32_t word = 0;
    int32_t all = 0;
    for (int r = 0; r < Group; ++r) {
      const int32_t code = int32_t(raw[n] << (24 - 8 * r)) >> 24;
      word |= element<Group>(int8_t(code), by[r], r);
      all += code * (1 << by[r]);
    }
    words[n] = word;
    sum[n] += all;
  }
}

/// The rows of word w and their shifts; a row of zeros beyond the last.
template <int Group, class Row>
inline void rows_of_word(const WeightPack& p, int w, int rows, const int8_t* zeros, const int8_t** row, int32_t* left, Row at) {
  for (int r = 0; r < Group; ++r) {
    const bool there = w * Group + r < rows;
    row[r] = there ? at(w * Group + r) : zeros;
    left[r] = there ? p.left[w * Group + r] : 0;
  }
}

inline void clear_sums(const WeightPack& p) {
  for (int n = p.begin; n < p.end; ++n) p.column_sum[n] = 0;
}

/// A word's rows stand side by side in the codes: 16 outputs at a time, `Group` bytes at once, are put one behind the other.
/// The outputs are far apart, so each cache line read, of 64 channels, is used for all of its words before the next.
template <int Group>
void forward(const WeightPack& p) {
  constexpr int most = 64 / Group;
  alignas(64) uint32_t raw[most][16];
  const int words = (p.channels + Group - 1) / Group;
  clear_sums(p);
  for (int n = p.begin; n < p.end; n += 16)
    for (int i = 0; i < p.positions; ++i)
      for (int from = 0; from < words; from += most) {
        const int count = words - from < most ? words - from : most;
        const int last = p.channels - (from + count - 1) * Group;  // rows of the last word
        for (int j = 0; j < 16; ++j) {
          if (n + j >= p.outputs) {
            for (int w = 0; w < count; ++w) raw[w][j] = 0;
            continue;
          }
          const int8_t* code = p.code + (int64_t(n + j) * p.taps + p.order[i]) * p.channels + from * Group;
          for (int w = 0; w + 1 < count; ++w) {
            uint32_t bytes = 0;
            __builtin_memcpy(&bytes, code + w * Group, Group);
            raw[w][j] = bytes;
          }
          uint32_t bytes = 0;
          for (int r = 0; r < Group && r < last; ++r) bytes |= uint32_t(uint8_t(code[(count - 1) * Group + r])) << (8 * r);
          raw[count - 1][j] = bytes;
        }
        uint32_t* to = p.words + panel_word(int64_t(p.positions) * words, p.n16, int64_t(i) * words + from, n);
        for (int w = 0; w < count; ++w, to += panel_width(p.n16, n)) {
          int32_t left[Group];
          for (int r = 0; r < Group; ++r) left[r] = (from + w) * Group + r < p.channels ? p.left[(from + w) * Group + r] : 0;
          shift_words<Group>(raw[w], left, to, p.column_sum + n);
        }
      }
}

template <int Group>
void backward(const WeightPack& p) {
  alignas(64) static constexpr int8_t zeros[panel_columns] = {};
  const int words = (p.outputs + Group - 1) / Group;
  clear_sums(p);
  for (int n = p.begin; n < p.end;) {  // what lies in one panel
    const int panel_end = (n / panel_columns + 1) * panel_columns, end = panel_end < p.end ? panel_end : p.end;
    const int last = p.channels < end ? p.channels : end, count = last > n ? last - n : 0;
    uint32_t* to = p.words + panel_word(int64_t(p.positions) * words, p.n16, 0, n);
    const int step = panel_width(p.n16, n);
    for (int i = 0; i < p.positions; ++i)
      for (int w = 0; w < words; ++w, to += step) {
        const int8_t* row[Group];
        int32_t left[Group];
        rows_of_word<Group>(p, w, p.outputs, zeros, row, left, [&](int r) {
          return p.code + (int64_t(r) * p.taps + p.order[i]) * p.channels + n;
        });
        join<Group>(row, left, count, to, p.column_sum + n);
        for (int j = count; j < end - n; ++j) to[j] = 0;
      }
    n = end;
  }
}

/// Channels from `first` on. Sums of up to 16 outputs and 16 channels, turned while they are in the first-level cache. int32
/// sums are exact in double, and so is what is added of them.
void gradient_channels(const WeightGradientSums& g, int first) {
  constexpr int tile = 16;
  alignas(64) double sum[tile];
  alignas(64) float turned[tile][tile];
  for (int tap = 0; tap < g.taps; ++tap)
    for (int c0 = first; c0 < g.channels; c0 += tile)
      for (int n0 = g.begin; n0 < g.end; n0 += tile) {
        const int height = g.channels - c0 < tile ? g.channels - c0 : tile, width = g.end - n0 < tile ? g.end - n0 : tile;
        for (int c = 0; c < height; ++c) {
          const int64_t at = (int64_t(tap) * g.k + c0 + c) * g.n + n0;
          for (int n = 0; n < tile; ++n) sum[n] = 0;
          for (int p = 0; p < g.parts; ++p) {
            const int32_t* __restrict from = g.part[p].sum + at;
            const int32_t* __restrict zero = g.part[p].zero_sum + n0;
            if (width == tile)
              for (int n = 0; n < tile; ++n) sum[n] += double(int32_t(uint32_t(from[n]) - uint32_t(zero[n])));
            else
              for (int n = 0; n < width; ++n) sum[n] += double(int32_t(uint32_t(from[n]) - uint32_t(zero[n])));
            if (g.part[p].total)
              for (int n = 0; n < width; ++n) sum[n] += double(g.part[p].total[at + n]);
          }
          const double unit = g.input_unit[c0 + c];
          for (int n = 0; n < width; ++n) turned[n][c] = float(sum[n] * unit * g.output_unit[n0 + n]);
        }
        for (int n = 0; n < width; ++n) {
          float* to = g.grad + (int64_t(n0 + n) * g.taps + tap) * g.channels + c0;
          for (int c = 0; c < height; ++c) to[c] = turned[n][c];
        }
      }
}

void gradient(const WeightGradientSums& g) { gradient_channels(g, 0); }
