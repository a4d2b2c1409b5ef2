#include "kernels/conv/conv.h"
#include "kernels/dispatch.h"

namespace subbyte {
SUBBYTE_DISPATCH_TILES(ConvKernels, conv_kernels)
}  // namespace subbyte
