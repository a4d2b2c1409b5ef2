// AMX: one tdpbusd multiplies 16 rows of up to 16 words by 16 words of 16 columns, eight times what vpdpbusd does a cycle.
// Operands have the layout that tiles load: rows of A are neighbouring pixels (or channels), rows of B words of a panel.
// Products of few words a tap, of 16-bit words, and operands of backward-weights are AVX-512 VNNI's.
#include <immintrin.h>

#include <type_traits>
#include <utility>

#include "kernels/conv/conv.h"

namespace subbyte {
extern const ConvKernels conv_kernels_avx512vnni;

namespace {

#include "kernels/conv/conv_sse.inl"
#include "kernels/conv/conv_product.inl"
#include "kernels/conv/conv_vnni.inl"

constexpr int tile_rows = 16, tile_words = 16, tile_columns = 16;
constexpr int least_words = 4;   // of which a tile does twice as much a cycle as vpdpbusd
constexpr int least_pixels = 4;
constexpr int least_sum = 12;    // words of a pixel's sums, below which storing and reading a tile of them costs more
constexpr int least_chain = 16;  // words of products that do not wait for each other, of four tiles at most

/// The most words that a tile can take at a time of `words` in all.
inline int words_a_tile(int words) {
  int most = words < tile_words ? words : tile_words;
  while (most > 1 && words % most != 0) --most;
  return most;
}

/// GCC's intrinsics do not say what they read: what was written there stands before them.
inline void written(const void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

/// The first `sums` tiles hold sums of `rows` x 16, those up to 6 first operands of `rows` x `words`, 7 second operands of
/// `words` x 16. The registers are given back at the end, which keeps the thread's state small.
class Tiles {
 public:
  Tiles(int sums, int rows, int words) {
    struct alignas(64) Config {
      uint8_t palette, start_row, reserved[14];
      uint16_t row_bytes[16];
      uint8_t rows[16];
    } config = {};
    config.palette = 1;
    for (int tile = 0; tile < 8; ++tile) {
      config.rows[tile] = uint8_t(tile == 7 ? words : rows);
      config.row_bytes[tile] = uint16_t(tile >= sums && tile < 7 ? 4 * words : 4 * tile_columns);
    }
    written(&config);
    _tile_loadconfig(&config);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
};

/// Sums of four tiles, as they are stored.
struct alignas(64) TileSums {
  int32_t at[4][tile_rows][tile_columns];
};

/// A run of output pixels of one row; the first `done` ones belong to the run before.
struct PixelRun {
  const uint8_t* a;
  int16_t* y;
  int done;
};

/// MR pixels of NV tiles, that are `apart` int32 from each other, narrowed.
template <int MR, int NV>
inline void finish_pixels(const ImageProduct& p, const int32_t* sums, int apart, int32_t half, int16_t* y, int column,
                          ColumnStats<Vnni, NV>& stats) {
  __m512i acc[MR][NV];
  SUBBYTE_UNROLL for (int m = 0; m < MR; ++m)
    SUBBYTE_UNROLL for (int v = 0; v < NV; ++v) acc[m][v] = Vnni::load(sums + m * tile_columns + v * apart);
  finish_tile<Vnni, MR, NV>(p, acc, half, y, column, stats);
}

template <int NV>
inline void finish_run(const ImageProduct& p, const int32_t* sums, int apart, int32_t half, const PixelRun& run, int pixels,
                       int column, ColumnStats<Vnni, NV>& stats) {
  int i = run.done;
  auto piece = [&](auto count) {
    finish_pixels<count, NV>(p, sums + i * tile_columns, apart, half, run.y + i * p.y_pixel, column, stats);
    i += count;
  };
  while (i + 8 <= pixels) piece(std::integral_constant<int, 8>{});
  if (i + 4 <= pixels) piece(std::integral_constant<int, 4>{});
  if (i + 2 <= pixels) piece(std::integral_constant<int, 2>{});
  if (i < pixels) piece(std::integral_constant<int, 1>{});
}

/// Four runs of 16 columns.
inline void multiply_runs(const ImageProduct& p, const PixelRun (&run)[4], const int32_t* start, const uint8_t* w,
                          int64_t w_row, int words, TileSums& sums) {
  _tile_loadd(0, start, 0);
  _tile_loadd(1, start, 0);
  _tile_loadd(2, start, 0);
  _tile_loadd(3, start, 0);
  const int64_t step = p.pixel_step;
  for (int tap = 0; tap < p.taps; ++tap) {
    int64_t at = p.tap_offset[tap];
    for (int left = p.k; left > 0; left -= words, at += 4 * words, w += words * w_row) {
      _tile_loadd(7, w, w_row);
      _tile_loadd(4, run[0].a + at, step);
      _tile_dpbusd(0, 4, 7);
      _tile_loadd(5, run[1].a + at, step);
      _tile_dpbusd(1, 5, 7);
      _tile_loadd(4, run[2].a + at, step);
      _tile_dpbusd(2, 4, 7);
      _tile_loadd(5, run[3].a + at, step);
      _tile_dpbusd(3, 5, 7);
    }
  }
  _tile_stored(0, sums.at[0], 64);
  _tile_stored(1, sums.at[1], 64);
  _tile_stored(2, sums.at[2], 64);
  _tile_stored(3, sums.at[3], 64);
}

/// Two runs of 32 columns: tiles (run, half of the panel).
inline void multiply_panel(const ImageProduct& p, const PixelRun (&run)[2], const int32_t* start, const uint8_t* w,
                           int64_t w_row, int words, TileSums& sums) {
  _tile_loadd(0, start, 0);
  _tile_loadd(1, start + tile_columns, 0);
  _tile_loadd(2, start, 0);
  _tile_loadd(3, start + tile_columns, 0);
  const int64_t step = p.pixel_step;
  for (int tap = 0; tap < p.taps; ++tap) {
    int64_t at = p.tap_offset[tap];
    for (int left = p.k; left > 0; left -= words, at += 4 * words, w += words * w_row) {
      _tile_loadd(4, run[0].a + at, step);
      _tile_loadd(5, run[1].a + at, step);
      _tile_loadd(7, w, w_row);
      _tile_dpbusd(0, 4, 7);
      _tile_dpbusd(2, 5, 7);
      _tile_loadd(7, w + 4 * tile_columns, w_row);
      _tile_dpbusd(1, 4, 7);
      _tile_dpbusd(3, 5, 7);
    }
  }
  _tile_stored(0, sums.at[0], 64);
  _tile_stored(1, sums.at[1], 64);
  _tile_stored(2, sums.at[2], 64);
  _tile_stored(3, sums.at[3], 64);
}

/// NV tiles of columns from `column` on, all pixels. The tiles of the next runs are multiplied while the last ones' sums are
/// narrowed.
template <int NV>
void product_columns_in_tiles(const ImageProduct& p, int column, int pixels, int words, LinesAhead& ahead) {
  constexpr int runs = 4 / NV;
  const int32_t half = early_half(p.shift);
  alignas(64) int32_t start[NV * tile_columns];
  for (int v = 0; v < NV; ++v)
    Vnni::store(start + v * tile_columns, Vnni::add(Vnni::load(p.init + column + v * tile_columns), Vnni::all(half)));
  written(start);
  const uint8_t* const w = p.w + panel_word(int64_t(p.taps) * p.k, p.n, 0, column) * 4;
  const int64_t w_row = int64_t{4} * panel_width(p.n, column);
  ColumnStats<Vnni, NV> stats;
  stats.load(p, column);
  TileSums sums[2];
  PixelRun run[2][runs];
  int count[2] = {0, 0};
  int row = 0, pixel = 0;
  auto next_runs = [&](int at) {
    for (count[at] = 0; count[at] < runs && row < p.rows; ++count[at]) {
      const int begin = pixel + pixels <= p.pixels ? pixel : p.pixels - pixels;
      run[at][count[at]] = {p.a + row * p.row_step + begin * p.pixel_step, p.y + row * p.y_row + begin * p.y_pixel,
                            pixel - begin};
      pixel += pixels;
      if (pixel >= p.pixels) ++row, pixel = 0;
    }
    for (int i = count[at]; i < runs && count[at] > 0; ++i) run[at][i] = run[at][0];
  };
  auto multiply = [&](int at) {
    if (count[at] == 0) return;
    ahead.some();
    if constexpr (NV == 1) multiply_runs(p, run[at], start, w, w_row, words, sums[at]);
    else multiply_panel(p, run[at], start, w, w_row, words, sums[at]);
  };
  next_runs(0);
  multiply(0);
  for (int at = 0; count[at] > 0; at ^= 1) {
    next_runs(at ^ 1);
    multiply(at ^ 1);
    for (int i = 0; i < count[at]; ++i)
      finish_run<NV>(p, sums[at].at[i * NV][0], tile_rows * tile_columns, half, run[at][i], pixels, column, stats);
  }
  stats.store(p, column);
}

void product_in_tiles(const ImageProduct& p, Dot dot) {
  const int words = words_a_tile(p.k);
  if (dot == Dot::s16 || words < least_words || p.taps * p.k < least_sum || p.pixels < least_pixels)
    return conv_kernels_avx512vnni.product(p, dot);
  const int runs = (p.pixels + tile_rows - 1) / tile_rows, pixels = (p.pixels + runs - 1) / runs;
  LinesAhead ahead(p, int64_t(p.rows) * runs * p.n / (4 * tile_columns));
  const Tiles tiles(4, pixels, words);
  int column = 0;
  for (; column + 32 <= p.n; column += 32) product_columns_in_tiles<2>(p, column, pixels, words, ahead);
  if (column < p.n) product_columns_in_tiles<1>(p, column, pixels, words, ahead);
}

/// Up to six blocks of 16 channels or fewer, each at a tap. Taps are neighbours in X's memory, so that the more of them take
/// turns, the more often the first-level cache has it.
constexpr int most_blocks = 6;
struct ChannelBlocks {
  int count, channels;
  int64_t x[most_blocks], dw[most_blocks];  // from the begin of an image, and of dw
};

/// How pixels follow each other: `stretches` rows (or one, of all rows) of `length` words.
struct PixelWords {
  int stretches, length, words_a_tile;
};

/// Sums over images first to last - 1, which share a shift, of 16 columns; added to dw.
void add_blocks(const WeightsGradient& p, const ChannelBlocks& block, const PixelWords& pixels, int first, int last, int n) {
  const int64_t g_row = int64_t{4} * panel_width(p.n, n), row = int64_t(p.row_step) * p.x_row, channel = p.x_channel;
  const int words = pixels.words_a_tile, count = block.count;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (int i = first; i < last; ++i) {
    const uint8_t* x = p.x + i * p.x_image;
    const uint8_t* g = p.g + n / panel_columns * p.g_panel + i * p.g_image + n % panel_columns * 4;
    for (int stretch = 0; stretch < pixels.stretches; ++stretch, x += row)
      for (int word = 0; word < pixels.length; word += words, g += words * g_row) {
        const uint8_t* at = x + 4 * word;
        _tile_loadd(7, g, g_row);
        _tile_loadd(6, at + block.x[0], channel);
        _tile_dpbusd(0, 6, 7);
        if (count == 1) continue;
        _tile_loadd(6, at + block.x[1], channel);
        _tile_dpbusd(1, 6, 7);
        if (count == 2) continue;
        _tile_loadd(6, at + block.x[2], channel);
        _tile_dpbusd(2, 6, 7);
        if (count == 3) continue;
        _tile_loadd(6, at + block.x[3], channel);
        _tile_dpbusd(3, 6, 7);
        if (count == 4) continue;
        _tile_loadd(6, at + block.x[4], channel);
        _tile_dpbusd(4, 6, 7);
        if (count == 5) continue;
        _tile_loadd(6, at + block.x[5], channel);
        _tile_dpbusd(5, 6, 7);
      }
  }
  alignas(64) int32_t sums[most_blocks][tile_rows][tile_columns];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  _tile_stored(4, sums[4], 64);
  _tile_stored(5, sums[5], 64);
  const int shift = p.image_shift[first];
  for (int i = 0; i < count; ++i)
    for (int c = 0; c < block.channels; ++c) {
      int32_t* to = p.dw + block.dw[i] + int64_t(c) * p.n + n;
      Vnni::store(to, Vnni::add(Vnni::load(to), Vnni::shift_left(Vnni::load(sums[i][c]), shift)));
    }
}

/// Channels from `k` on, `channels` at a time, `groups` times, at every tap.
void gradient_of_channels(const WeightsGradient& p, int k, int channels, int groups, const PixelWords& pixels) {
  const Tiles tiles(6, channels, pixels.words_a_tile);
  const int total = p.kh * p.kw * groups, end = p.last_panel * panel_columns < p.n ? p.last_panel * panel_columns : p.n;
  const int turns = (total + most_blocks - 1) / most_blocks, most = (total + turns - 1) / turns;
  for (int first = 0; first < p.images;) {
    int last = first + 1;
    while (last < p.images && p.image_shift[last] == p.image_shift[first]) ++last;
    for (int n = p.first_panel * panel_columns; n < end; n += tile_columns)
      for (int done = 0; done < total; done += most) {
        ChannelBlocks block;
        block.count = total - done < most ? total - done : most;
        block.channels = channels;
        for (int i = 0; i < block.count; ++i) {  // all taps of 16 channels, then the next ones
          const int taps = p.kh * p.kw, tap = (done + i) % taps, c = k + (done + i) / taps * channels;
          block.x[i] = c * p.x_channel + tap / p.kw * int64_t(p.x_row) + p.column_offset[tap % p.kw];
          block.dw[i] = (int64_t(tap) * p.k + c) * p.n;
        }
        add_blocks(p, block, pixels, first, last, n);
      }
    first = last;
  }
}

void weights_gradient_in_tiles(const WeightsGradient& p, Dot dot) {
  const bool joined = p.row_step == 1 && p.x_row == 4 * p.blocks;
  PixelWords pixels{joined ? 1 : p.rows, joined ? p.rows * p.blocks : p.blocks, 0};
  pixels.words_a_tile = words_a_tile(pixels.length);
  const int whole = p.k / tile_rows, rest = p.k % tile_rows, tiles = p.kh * p.kw * (whole + (rest > 0));
  if (pixels.words_a_tile < least_words || pixels.words_a_tile * (tiles < 4 ? tiles : 4) < least_chain)
    return conv_kernels_avx512vnni.weights_gradient(p, dot);
  if (whole > 0) gradient_of_channels(p, 0, tile_rows, whole, pixels);
  if (rest > 0) gradient_of_channels(p, whole * tile_rows, rest, 1, pixels);
}

void transpose_rows_of_pixels(const Transpose& t) { conv_kernels_avx512vnni.transpose(t); }
void words_of_gradient(const GradientWords& g) { conv_kernels_avx512vnni.gradient_words(g); }

}  // namespace

extern const ConvKernels conv_kernels_amx;
const ConvKernels conv_kernels_amx = {product_in_tiles, weights_gradient_in_tiles, transpose_rows_of_pixels, words_of_gradient,
                                      true};

}  // namespace subbyte
