// The specification, element by element.
#include "kernels/depthwise/depthwise.h"

namespace subbyte {
namespace {

void row(const DepthwiseRow& d) {
  for (int p = 0; p < d.pixels; ++p)
    for (int c = 0; c < d.channels; ++c) {
      uint32_t sum = 0;
      for (int tap = 0; tap < d.taps; ++tap)
        sum += uint32_t(int32_t(d.x[int64_t(p) * d.step + d.tap_offset[tap] + c]) * d.w[tap * d.channels + c]);
      d.out[int64_t(p) * d.channels + c] = int32_t(sum);
    }
}

void gradient(const DepthwiseGradient& d) {
  for (int tap = 0; tap < d.taps; ++tap)
    for (int c = 0; c < d.channels; ++c) {
      uint32_t sum = uint32_t(d.dw[tap * d.channels + c]);
      for (int p = 0; p < d.pixels; ++p)
        sum += uint32_t(int32_t(d.x[int64_t(p) * d.step + d.tap_offset[tap] + c]) * d.g[int64_t(p) * d.channels + c]);
      d.dw[tap * d.channels + c] = int32_t(sum);
    }
}

}  // namespace

extern const DepthwiseKernels depthwise_kernels_scalar;
const DepthwiseKernels depthwise_kernels_scalar = {row, gradient};

}  // namespace subbyte
