#include "kernels/weights/weights.h"

namespace subbyte {
namespace {
#include "kernels/weights/weights_generic.inl"
}  // namespace

extern const WeightKernels weight_kernels_neon_dot;
const WeightKernels weight_kernels_neon_dot = {range, codes, filters, forward<4>, forward<2>, backward<4>, backward<2>, gradient};

}  // namespace subbyte
