#include "kernels/norm/norm.h"

namespace subbyte {
namespace {
#include "kernels/norm/norm_generic.inl"
}  // namespace

extern const NormKernels norm_kernels_avx2;
const NormKernels norm_kernels_avx2 = {narrow, deviation, forward, reduce, backward, combine, affine};

}  // namespace subbyte
