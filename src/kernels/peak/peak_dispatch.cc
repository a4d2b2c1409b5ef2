#include "kernels/dispatch.h"
#include "kernels/peak/peak.h"

namespace subbyte {
SUBBYTE_DISPATCH(PeakKernels, peak_kernels)
}  // namespace subbyte
