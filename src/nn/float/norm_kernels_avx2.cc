#define LANES 8
#include "nn/float/norm_kernels.inc"

namespace subbyte::twin {

const NormKernels& norm_kernels_avx2(ElementType type) { return kernels_of(type); }

}  // namespace subbyte::twin
