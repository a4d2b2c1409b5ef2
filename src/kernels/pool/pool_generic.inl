// Channels are the lanes of a vector policy V; channels that fill no vector go one by one through the policy One. A policy
// adds pairs of int16 vectors to int32 sums in whatever order its instructions prefer, and `rounded` restores it.

struct One {
  static constexpr int lanes = 1;
  using Vec = int16_t;
  struct Sums { int32_t v; };
  static Vec load(const int16_t* p) { return *p; }
  static void store(int16_t* p, Vec v) { *p = v; }
  static Vec all(int v) { return int16_t(v); }
  static void keep_larger(Vec& best, Vec& at, Vec v, Vec index) {
    at = v > best ? index : at;
    best = v > best ? v : best;
  }
  static void store_bytes(uint8_t* p, Vec v) { *p = uint8_t(v); }
  static Vec load_where(const int16_t* p, const uint8_t* where, int index) { return *where == index ? *p : int16_t(0); }
  static Sums sums(int32_t start) { return {start}; }
  static void add(Sums& s, Vec a, Vec b) { s.v += a + b; }
  static Vec rounded(const Sums& s, int shift) { return int16_t(s.v >> shift); }
};

/// A range of kernel rows (or columns, or of windows) and where it starts in the image (or in delta).
struct Range {
  int begin, end;
};

/// Kernel offsets i of window `at` for which at * stride - pad + i is in [0, size).
inline Range inside(int at, int stride, int pad, int kernel, int size) {
  const int first = at * stride - pad;
  return {first < 0 ? -first : 0, size - first < kernel ? size - first : kernel};
}

/// Moves the windows that cover an input position on to the next, `at`: cheaper than the divisions that would find them.
inline void move_to(Range& r, int at, int stride, int pad, int kernel, int windows) {
  while (r.begin * stride - pad + kernel <= at) ++r.begin;
  while (r.end < windows && r.end * stride - pad <= at) ++r.end;
}

/// Calls f(policy, c) for vectors of channels from c; the last may overlap the one before, which writes the same again.
template <class V, class F>
inline void for_channels(int channels, F f) {
  if (channels < V::lanes) {
    for (int c = 0; c < channels; ++c) f(One{}, c);
    return;
  }
  int c = 0;
  for (; c + V::lanes <= channels; c += V::lanes) f(V{}, c);
  if (c < channels) f(V{}, channels - V::lanes);
}

template <class V>
void max(const PoolWindows& p, const int16_t* in, int16_t* out, uint8_t* where) {
  for (int y = 0; y < p.out_h; ++y) {
    const Range rows = inside(y, p.stride, p.pad, p.kernel_h, p.in_h);
    for (int x = 0; x < p.out_w; ++x, out += p.channels, where += p.channels) {
      const Range columns = inside(x, p.stride, p.pad, p.kernel_w, p.in_w);
      const int64_t corner = (int64_t(y * p.stride - p.pad) * p.in_w + x * p.stride - p.pad) * p.channels;
      for_channels<V>(p.channels, [&](auto policy, int c) {
        using P = decltype(policy);
        typename P::Vec best = P::all(INT16_MIN), at = P::all(rows.begin * p.kernel_w + columns.begin);
        for (int i = rows.begin; i < rows.end; ++i)
          for (int j = columns.begin; j < columns.end; ++j)
            P::keep_larger(best, at, P::load(in + (corner + (int64_t(i) * p.in_w + j) * p.channels + c)),
                           P::all(i * p.kernel_w + j));
        P::store(out + c, best);
        P::store_bytes(where + c, at);
      });
    }
  }
}

template <class V>
void average(const PoolWindows& p, const int16_t* in, int shift, int16_t* out) {
  const int half = shift ? 1 << (shift - 1) : 0;
  for (int y = 0; y < p.out_h; ++y) {
    const Range rows = inside(y, p.stride, p.pad, p.kernel_h, p.in_h);
    for (int x = 0; x < p.out_w; ++x, out += p.channels) {
      const Range columns = inside(x, p.stride, p.pad, p.kernel_w, p.in_w);
      const int64_t corner = (int64_t(y * p.stride - p.pad) * p.in_w + x * p.stride - p.pad) * p.channels;
      for_channels<V>(p.channels, [&](auto policy, int c) {
        using P = decltype(policy);
        typename P::Sums sums = P::sums(half);
        for (int i = rows.begin; i < rows.end; ++i) {
          const int64_t row = corner + int64_t(i) * p.in_w * p.channels + c;
          int j = columns.begin;
          for (; j + 1 < columns.end; j += 2)
            P::add(sums, P::load(in + (row + j * p.channels)), P::load(in + (row + (j + 1) * p.channels)));
          if (j < columns.end) P::add(sums, P::load(in + (row + j * p.channels)), P::all(0));
        }
        P::store(out + c, P::rounded(sums, shift));
      });
    }
  }
}

/// Input pixels whose gradient is already written: rows [0, rows), and of them columns [0, columns).
struct Done {
  int rows, columns;
};

/// load(policy, element of delta, index of the pixel in its window) is what that window gives to a pixel.
template <class V, class Load>
inline void gather(const PoolWindows& p, int shift, int16_t* dx, Done done, Load load) {
  const int half = shift ? 1 << (shift - 1) : 0;
  Range rows{0, 0};
  for (int iy = 0; iy < p.in_h; ++iy) {
    move_to(rows, iy, p.stride, p.pad, p.kernel_h, p.out_h);
    Range columns{0, 0};
    const int from = iy < done.rows ? done.columns : 0;
    int16_t* to = dx + (int64_t(iy) * p.in_w + from) * p.channels;
    for (int ix = from; ix < p.in_w; ++ix, to += p.channels) {
      move_to(columns, ix, p.stride, p.pad, p.kernel_w, p.out_w);
      for_channels<V>(p.channels, [&, columns](auto policy, int c) {
        using P = decltype(policy);
        const auto from = [&](int y, int x) {
          return load(policy, (int64_t(y) * p.out_w + x) * p.channels + c,
                      (iy + p.pad - y * p.stride) * p.kernel_w + ix + p.pad - x * p.stride);
        };
        typename P::Sums sums = P::sums(half);
        for (int y = rows.begin; y < rows.end; ++y) {
          int x = columns.begin;
          for (; x + 1 < columns.end; x += 2) P::add(sums, from(y, x), from(y, x + 1));
          if (x < columns.end) P::add(sums, from(y, x), P::all(0));
        }
        P::store(to + c, P::rounded(sums, shift));
      });
    }
  }
}

/// Windows side by side, no rounding: each gives its pixels one value and zeros. K: the kernel's side where it is known.
template <class V, int K>
inline Done max_back_apart(const PoolWindows& p, const int16_t* delta, const uint8_t* where, int16_t* dx) {
  const int kh = K ? K : p.kernel_h, kw = K ? K : p.kernel_w;
  const int64_t row = int64_t(p.in_w) * p.channels;
  for (int y = 0; y < p.out_h; ++y)
    for (int x = 0; x < p.out_w; ++x, delta += p.channels, where += p.channels) {
      int16_t* to = dx + y * kh * row + int64_t(x) * kw * p.channels;
      for_channels<V>(p.channels, [&](auto policy, int c) {
        using P = decltype(policy);
        for (int i = 0; i < kh; ++i)
          for (int j = 0; j < kw; ++j)
            P::store(to + (i * row + j * p.channels + c), P::load_where(delta + c, where + c, i * kw + j));
      });
    }
  return {p.out_h * kh, p.out_w * kw};
}

/// 3 x 3 windows two apart, the first one beyond the corner: the 2 x 2 pixels from the middle of window (y, x) belong to it and
/// to its neighbours to the right and below, so that what is where is known without searching.
template <class V>
inline Done max_back_3x3(const PoolWindows& p, const int16_t* delta, const uint8_t* where, int shift, int16_t* dx) {
  const int half = shift ? 1 << (shift - 1) : 0;
  const int64_t below = int64_t(p.out_w) * p.channels, right = p.channels, row = int64_t(p.in_w) * p.channels;
  for (int y = 0; y + 1 < p.out_h; ++y)
    for (int x = 0; x + 1 < p.out_w; ++x) {
      const int64_t at = y * below + x * right;
      int16_t* to = dx + 2 * y * row + 2 * x * right;
      for_channels<V>(p.channels, [&](auto policy, int c) {
        using P = decltype(policy);
        const auto from = [&](int64_t window, int index) {
          return P::load_where(delta + (at + window + c), where + (at + window + c), index);
        };
        const auto put = [&](int64_t pixel, const typename P::Sums& sums) {
          P::store(to + (pixel + c), P::rounded(sums, shift));
        };
        typename P::Sums sums = P::sums(half);
        P::add(sums, from(0, 4), P::all(0));
        put(0, sums);
        sums = P::sums(half);
        P::add(sums, from(0, 5), from(right, 3));
        put(right, sums);
        sums = P::sums(half);
        P::add(sums, from(0, 7), from(below, 1));
        put(row, sums);
        sums = P::sums(half);
        P::add(sums, from(0, 8), from(right, 6));
        P::add(sums, from(below, 2), from(below + right, 0));
        put(row + right, sums);
      });
    }
  return {2 * (p.out_h - 1), 2 * (p.out_w - 1)};
}

template <class V>
void max_back(const PoolWindows& p, const int16_t* delta, const uint8_t* where, int shift, int16_t* dx) {
  const bool square = p.kernel_h == p.kernel_w;
  Done done{0, 0};
  if (square && p.kernel_h == p.stride && p.pad == 0 && shift == 0)
    done = p.stride == 2 ? max_back_apart<V, 2>(p, delta, where, dx) : max_back_apart<V, 0>(p, delta, where, dx);
  else if (square && p.kernel_h == 3 && p.stride == 2 && p.pad == 1)
    done = max_back_3x3<V>(p, delta, where, shift, dx);
  gather<V>(p, shift, dx, done, [=](auto policy, int64_t at, int index) {
    return decltype(policy)::load_where(delta + at, where + at, index);
  });
}

template <class V>
void average_back(const PoolWindows& p, const int16_t* delta, int shift, int16_t* dx) {
  gather<V>(p, shift, dx, {0, 0}, [=](auto policy, int64_t at, int) { return decltype(policy)::load(delta + at); });
}
