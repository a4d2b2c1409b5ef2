// The products of a convolution (a linear layer is a 1x1 convolution over one pixel), on prepared operands.
//
//   forward          y[p][n]        = sum over taps, k   a[p * step + tap][k] * w[tap][k][n]
//   backward-data    the same product on the gradient (zero-dilated for strides) and the flipped, transposed weights
//   backward-weights dw[tap][n][k] += 2^shift * sum over p   x[p * stride + tap][k] * g[p][n]
//
// Operands are read as 32-bit words: four u8 against four s8 (or two s16 against two s16, where shifts outgrow 8 bits).
// A signed first operand is stored with a zero point; the caller takes it out through the accumulators' start values.
// Sums are exact modulo 2^32 and the caller chooses operands whose true sums fit int32, so every path gives the same bits.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace subbyte {

/// How a word product is formed. u8s8 asks for 2 * max(u) * max|s| <= 32767 (pairs fit int16); u8s8_wide takes all u8, s8.
enum class Dot { u8s8, u8s8_wide, s16 };

/// Words whose pair sums may be added up in int16 before they are widened; at least 1 where Dot::u8s8 is right, else 0.
inline int int16_burst(int64_t max_u, int64_t max_s) { return int(32767 / (2 * max_u * max_s + (max_u * max_s == 0))); }

/// One row of output pixels. All pointers may be unaligned; `n` is a multiple of 16.
struct RowProduct {
  const uint8_t* a;           ///< operand word 0 of output pixel 0 at tap 0
  const int32_t* tap_offset;  ///< [taps], bytes from `a` to the tap
  int taps;
  int k;           ///< words a pixel
  int pixel_step;  ///< bytes from one output pixel's operand to the next
  int pixels;
  const uint8_t* w;     ///< words [taps][k][n]
  int n;
  const int32_t* init;  ///< [n]
  int32_t* out;         ///< [pixels][n]
  int burst = 1;        ///< Dot::u8s8: at most int16_burst of the operands
};

/// One image's contribution to the weight gradient. `k` is a multiple of 16, `n` of 8.
struct WeightsGradient {
  const uint8_t* x;   ///< u8 words [kw][rows][blocks][k], a word = 4 output-neighbouring pixels; see slide()
  int64_t x_tap;      ///< bytes from one kernel column's plane to the next
  int x_row;          ///< bytes from one input row to the next
  int row_step;       ///< input rows from one output row to the next (the stride)
  const uint8_t* g;   ///< s8 words [rows_out][blocks][n], zero beyond the row's end
  int rows_out, blocks, kh, kw, k, n;
  int shift;          ///< the sample's shift
  int32_t* dw;        ///< [kh][kw][n][k], added to
  int burst = 1;      ///< as in RowProduct
};

/// One row of the sliding form: word c of block b is the bytes c of pixels (4 b + j) * step, j = 0..3; pixels beyond the
/// last are read from the last (they meet zero gradients).
struct SlideRow {
  const uint8_t* pixels;  ///< [last + 1][channels]
  int step;               ///< pixels from one output-neighbour to the next
  int last;               ///< index of the last pixel that may be read
  int blocks;
  int channels;           ///< multiple of 8
  uint8_t* out;           ///< [blocks][channels][4]
};

struct ConvKernels {
  void (*row)(const RowProduct&, Dot);
  void (*weights_gradient)(const WeightsGradient&, Dot);
  void (*slide)(const SlideRow&);
};

const ConvKernels& conv_kernels(Isa isa);

}  // namespace subbyte
