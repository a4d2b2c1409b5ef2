#include "nn/float/norm_kernels.h"

#include "base/isa.h"

namespace subbyte::twin {

const NormKernels& norm_kernels(ElementType type) {
#if defined(__x86_64__)
  switch (selected_isa()) {
    case Isa::amx:
    case Isa::avx512vnni: return norm_kernels_avx512vnni(type);
    case Isa::avx2: return norm_kernels_avx2(type);
    default: break;
  }
#endif
  return norm_kernels_portable(type);
}

}  // namespace subbyte::twin
