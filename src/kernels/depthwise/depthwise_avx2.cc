#include "kernels/depthwise/depthwise.h"

namespace subbyte {
namespace {
#include "kernels/depthwise/depthwise_generic.inl"
}  // namespace

extern const DepthwiseKernels depthwise_kernels_avx2;
const DepthwiseKernels depthwise_kernels_avx2 = {row, gradient};

}  // namespace subbyte
