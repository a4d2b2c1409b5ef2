#include <arm_neon.h>

#include "kernels/pool/pool.h"

namespace subbyte {
namespace {
#include "kernels/pool/pool_generic.inl"
#include "kernels/pool/pool_neon.inl"
}  // namespace

extern const PoolKernels pool_kernels_neon_dot;
const PoolKernels pool_kernels_neon_dot = {max<Lanes>, average<Lanes>, max_back<Lanes>, average_back<Lanes>};

}  // namespace subbyte
