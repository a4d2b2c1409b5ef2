#include "kernels/depthwise/depthwise.h"
#include "kernels/dispatch.h"

namespace subbyte {
SUBBYTE_DISPATCH(DepthwiseKernels, depthwise_kernels)
}  // namespace subbyte
