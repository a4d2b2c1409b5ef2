#include "kernels/dispatch.h"
#include "kernels/peak/peak.h"

namespace subbyte {
SUBBYTE_DISPATCH_TILES(PeakKernels, peak_kernels)
}  // namespace subbyte
