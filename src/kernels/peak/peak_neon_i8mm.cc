#include <arm_neon.h>

#include "kernels/peak/peak.h"

namespace subbyte {
namespace {
#include "kernels/peak/peak_neon.inl"

SUBBYTE_PEAK_LOOP(dot8, , int32x4_t, accumulators, vdupq_n_s32(0), vdupq_n_s8(1),
                  vusdotq_s32(acc[i], vreinterpretq_u8_s8(a), b), sum_lanes<int32_t>)
}  // namespace

extern const PeakKernels peak_kernels_neon_i8mm;
const PeakKernels peak_kernels_neon_i8mm = {{"usdot 4s", peak_macs(16), dot8},
                                            {"smlal 4s", peak_macs(4), dot16},
                                            {nullptr, 0, nullptr},
                                            {"fmla 4s", peak_macs(4), fp32},
                                            stream};

}  // namespace subbyte
