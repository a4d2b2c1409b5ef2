#include <arm_neon.h>

#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {
#include "kernels/quantize/quantize_generic.inl"
#include "kernels/quantize/quantize_neon.inl"
}  // namespace

extern const QuantizeKernels quantize_kernels_neon_dot;
const QuantizeKernels quantize_kernels_neon_dot = {
    nearest,     stochastic,  random<Lanes>, nearest_packed, nearest_blocks, unpack_blocks, pack, unpack,
    unpack_rows, channel_max, fold_ranges,   operand};

}  // namespace subbyte
