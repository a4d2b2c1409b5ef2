// The products of a convolution (a linear layer is a 1x1 convolution over one pixel), on prepared operands.
//
//   forward          y[p][n]  = narrow(sum over taps, k   a[p + tap][k] * w[tap][k][n])
//   backward-data    the same product on the gradient and the flipped, transposed weights; for strides, one product a phase
//   backward-weights dw[tap][k][n] += 2^shift * sum over p   x[p * stride + tap][k] * g[p][n]
//
// Operands are read as 32-bit words: four u8 against four s8 (or two s16 against two s16, where shifts outgrow 8 bits).
// A signed first operand is stored with a zero point; the caller takes it out through the accumulators' start values.
// Sums are exact modulo 2^32 and the caller chooses operands whose true sums fit int32 (with room for 2^16 above, the largest
// half that is added in 32 bits), so every path gives the same bits. Columns n come in panels of 32 (the last one may have
// 16): the words that a register tile reads lie one behind the other.
#pragma once
#include <cstdint>

#include "base/isa.h"
#include "kernels/period.h"

namespace subbyte {

/// How a word product is formed. u8s8 asks for 2 * max(u) * max|s| <= 32767 (pairs fit int16); u8s8_wide takes all u8, s8.
enum class Dot { u8s8, u8s8_wide, s16 };

/// Words whose pair sums may be added up in int16 before they are widened; at least 1 where Dot::u8s8 is right, else 0.
inline int int16_burst(int64_t max_u, int64_t max_s) { return int(32767 / (2 * max_u * max_s + (max_u * max_s == 0))); }

inline constexpr int panel_columns = 32;
inline int panel_width(int n, int column) {
  const int left = n - column / panel_columns * panel_columns;
  return left < panel_columns ? left : panel_columns;
}
/// Where column n of row r stands in words [panel][rows][panel_width].
inline int64_t panel_word(int64_t rows, int n, int64_t r, int column) {
  return int64_t(column / panel_columns) * panel_columns * rows + r * panel_width(n, column) + column % panel_columns;
}

/// Memory that is read after a product: its lines are asked for between the tiles, which leave the memory idle.
struct ReadAhead {
  const void* memory = nullptr;
  int64_t bytes = 0;
};

/// One image. Pointers to bytes may be unaligned; `n` is a multiple of 16.
///   acc = init[n] + sum over taps, k;   y = clamp((acc + 2^(shift-1)) >> shift, +-stream_limit)
struct ImageProduct {
  const uint8_t* a;           ///< operand word 0 of output pixel (0, 0) at tap 0
  const int32_t* tap_offset;  ///< [taps], bytes from there to the tap
  int taps;
  int k;                      ///< words a tap (neighbouring pixels of one row are one tap of more words)
  int64_t pixel_step;         ///< bytes from one output pixel's operand to the next
  int64_t row_step;           ///< bytes from one output row's operand to the next
  int rows, pixels;           ///< output rows, and pixels a row
  const uint8_t* w;           ///< words [panel][taps][k][panel_width]
  int n;
  const int32_t* init;        ///< [n]
  int burst;                  ///< Dot::u8s8: at most int16_burst of the operands
  int shift;                  ///< 0 to 63
  int channels;               ///< columns that are stored, at most n
  int16_t* y;
  int64_t y_pixel, y_row;     ///< elements from one pixel of y, or row, to the next
  int32_t* sum;               ///< [n], sum of y, added to; or null. At most 2^17 pixels.
  int32_t *low, *high;        ///< [n], extremes of acc, over what they hold
  const ReadAhead* ahead = nullptr;
  int ahead_count = 0;
};

/// The weight gradient of several images.
struct WeightsGradient {
  const uint8_t* x;            ///< u8 [image][k][row][...]: a row of one channel holds pixels as bytes; see Transpose
  int64_t x_image, x_channel;  ///< bytes from one to the next
  int x_row, row_step;         ///< bytes from one input row to the next; input rows from one output row to the next
  const int32_t* column_offset;///< [kw], bytes from a row's begin to kernel column dx of output pixel 0
  const uint8_t* g;            ///< s8 words [panel][image][row][block][panel_width]: 4 output-neighbouring pixels a word
  int64_t g_image, g_panel;    ///< bytes from one image, or panel, to the next
  const int* image_shift;      ///< [images], falling: the image's sums count 2^shift
  int images, rows, blocks;    ///< output rows, and words a row (zero beyond the row's end)
  int kh, kw, k, n;            ///< k is a multiple of 4, n of 16. Where `blocks` reach beyond x_row with a column's offset,
                               ///< what stands there is read, also behind the last row.
  int burst;                   ///< as in ImageProduct
  int first_panel, last_panel; ///< what this call computes
  int32_t* dw;                 ///< [kh][kw][k][n], added to
};

/// Pixels from [row][pixel][channel] to [channel][row][pixel] bytes:
///   out[c * out_channel + row * out_row + j] = code c of the pixel at pixels + row * row_step + j * step.
struct Transpose {
  const uint8_t* pixels;
  int bits;                    ///< 8, or 4: two channels a byte, the first in the low half; then `channels` is even
  int64_t row_step, step;      ///< bytes from one row, or pixel, to the next
  int rows, count, channels;
  uint8_t* out;
  int64_t out_channel, out_row;
};

/// Gradient codes [row][pixel][channels] to words [row][block][panel_width] of each panel, zero beyond a row's end and the
/// channels. `n` (a multiple of 16) as in WeightsGradient.
struct GradientWords {
  const uint8_t* codes;
  int rows, pixels, channels, n;
  int blocks;        ///< words a row, at least ceil(pixels / 4)
  uint8_t* out;      ///< panel 0
  int64_t out_panel; ///< bytes from one panel to the next
};

struct ConvKernels {
  void (*product)(const ImageProduct&, Dot);
  void (*weights_gradient)(const WeightsGradient&, Dot);
  void (*transpose)(const Transpose&);
  void (*gradient_words)(const GradientWords&);
  /// Whether weights_gradient gains where rows of X and G, with zeros behind G's, are one long row: row_step 1, x_row 4 blocks.
  bool joins_rows = false;
};

const ConvKernels& conv_kernels(Isa isa);

}  // namespace subbyte
