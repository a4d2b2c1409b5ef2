#include "kernels/depthwise/depthwise.h"

namespace subbyte {
namespace {
#include "kernels/depthwise/depthwise_generic.inl"
}  // namespace

extern const DepthwiseKernels depthwise_kernels_avx512vnni;
const DepthwiseKernels depthwise_kernels_avx512vnni = {row, gradient};

}  // namespace subbyte
