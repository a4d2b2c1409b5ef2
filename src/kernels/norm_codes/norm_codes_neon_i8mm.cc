#include <type_traits>

#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
namespace {
#include "kernels/norm_codes/norm_codes_generic.inl"
}  // namespace

extern const NormCodeKernels norm_code_kernels_neon_i8mm;
const NormCodeKernels norm_code_kernels_neon_i8mm = {save, restore};

}  // namespace subbyte
