// Pooling of one image of int16, [h][w][channels]. Window (y, x) covers the input pixels (y s - pad + i, x s - pad + j),
// i < kernel_h, j < kernel_w, s the stride; those outside the image are left out. Sums are int32.
//
//   max          out = max over the window, where = i * kernel_w + j of the first maximum in that order
//   average      out = (sum over the window + 2^(shift-1)) >> shift
//   max_back     dx = (sum over the windows whose `where` names the pixel of delta + 2^(shift-1)) >> shift
//   average_back dx = (sum over the windows that cover the pixel       of delta + 2^(shift-1)) >> shift
//
// A shift of 0 adds nothing. It must be large enough for the results to fit int16: at least log2 of the number of terms.
// Backward gathers for each input pixel instead of scattering from each window: no sums in memory, each result written once.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace subbyte {

struct PoolWindows {
  int in_h, in_w, out_h, out_w, channels;
  int kernel_h, kernel_w, stride, pad;  ///< every window holds at least one pixel of the image
};

struct PoolKernels {
  /// At most 256 pixels a window.
  void (*max)(const PoolWindows&, const int16_t* in, int16_t* out, uint8_t* where);
  void (*average)(const PoolWindows&, const int16_t* in, int shift, int16_t* out);
  void (*max_back)(const PoolWindows&, const int16_t* delta, const uint8_t* where, int shift, int16_t* dx);
  void (*average_back)(const PoolWindows&, const int16_t* delta, int shift, int16_t* dx);
};

const PoolKernels& pool_kernels(Isa isa);

}  // namespace subbyte
