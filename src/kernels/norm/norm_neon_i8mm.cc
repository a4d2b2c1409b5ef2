#include "kernels/norm/norm.h"

namespace subbyte {
namespace {
#include "kernels/norm/norm_generic.inl"
}  // namespace

extern const NormKernels norm_kernels_neon_i8mm;
const NormKernels norm_kernels_neon_i8mm = {narrow, deviation, forward, reduce, backward, combine, affine};

}  // namespace subbyte
