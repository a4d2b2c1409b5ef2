#include "kernels/dispatch.h"
#include "kernels/norm/norm.h"

namespace subbyte {
SUBBYTE_DISPATCH(NormKernels, norm_kernels)
}  // namespace subbyte
