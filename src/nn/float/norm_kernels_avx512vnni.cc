#define LANES 16
#include "nn/float/norm_kernels.inc"

namespace subbyte::twin {

const NormKernels& norm_kernels_avx512vnni(ElementType type) { return kernels_of(type); }

}  // namespace subbyte::twin
