#include "kernels/depthwise/depthwise.h"

namespace subbyte {
namespace {
#include "kernels/depthwise/depthwise_generic.inl"
}  // namespace

extern const DepthwiseKernels depthwise_kernels_neon_i8mm;
const DepthwiseKernels depthwise_kernels_neon_i8mm = {row, gradient};

}  // namespace subbyte
