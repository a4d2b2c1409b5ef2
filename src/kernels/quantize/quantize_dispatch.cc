#include "kernels/dispatch.h"
#include "kernels/quantize/quantize.h"

namespace subbyte {
SUBBYTE_DISPATCH(QuantizeKernels, quantize_kernels)
}  // namespace subbyte
