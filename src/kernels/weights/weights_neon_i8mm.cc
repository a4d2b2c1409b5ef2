#include "kernels/weights/weights.h"

namespace subbyte {
namespace {
#include "kernels/weights/weights_generic.inl"
}  // namespace

extern const WeightKernels weight_kernels_neon_i8mm;
const WeightKernels weight_kernels_neon_i8mm = {range, codes, filters, forward<4>, forward<2>, backward<4>, backward<2>, gradient};

}  // namespace subbyte
