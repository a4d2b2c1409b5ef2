#include "kernels/dispatch.h"
#include "kernels/weights/weights.h"

namespace subbyte {
SUBBYTE_DISPATCH(WeightKernels, weight_kernels)
}  // namespace subbyte
