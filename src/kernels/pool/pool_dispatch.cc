#include "kernels/dispatch.h"
#include "kernels/pool/pool.h"

namespace subbyte {
SUBBYTE_DISPATCH(PoolKernels, pool_kernels)
}  // namespace subbyte
