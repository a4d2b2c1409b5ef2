#include <type_traits>

#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
namespace {
#include "kernels/norm_codes/norm_codes_generic.inl"
}  // namespace

extern const NormCodeKernels norm_code_kernels_avx2;
const NormCodeKernels norm_code_kernels_avx2 = {save, restore};

}  // namespace subbyte
