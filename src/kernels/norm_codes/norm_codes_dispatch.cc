#include "kernels/dispatch.h"
#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
SUBBYTE_DISPATCH(NormCodeKernels, norm_code_kernels)
}  // namespace subbyte
