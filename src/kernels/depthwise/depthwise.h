// Products of a depthwise convolution: every channel is its own, so nothing is reduced over channels.
//
//   row        y[p][c]      = sum over taps   x[p * step + tap][c] * w[tap][c]
//   gradient   dw[tap][c]  += sum over p      x[p * step + tap][c] * g[p][c]
//
// Operands are int16 codes (signed, zero point taken out, shifts applied), sums int32, exact modulo 2^32.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace subbyte {

struct DepthwiseRow {
  const int16_t* x;           ///< channel 0 of output pixel 0 at tap 0, [..][channels]
  const int32_t* tap_offset;  ///< [taps], elements from x to the tap
  int taps, channels;
  int step;                   ///< elements from one output pixel's operand to the next
  int pixels;
  const int16_t* w;           ///< [taps][channels]
  int32_t* out;               ///< [pixels][channels]
};

struct DepthwiseGradient {
  const int16_t* x;
  const int32_t* tap_offset;
  int taps, channels, step, pixels;
  const int16_t* g;           ///< [pixels][channels]
  int32_t* dw;                ///< [taps][channels], added to
};

struct DepthwiseKernels {
  void (*row)(const DepthwiseRow&);
  void (*gradient)(const DepthwiseGradient&);
};

const DepthwiseKernels& depthwise_kernels(Isa isa);

}  // namespace subbyte
