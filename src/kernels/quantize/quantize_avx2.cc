#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {
#include "kernels/quantize/quantize_generic.inl"
}  // namespace

extern const QuantizeKernels quantize_kernels_avx2;
const QuantizeKernels quantize_kernels_avx2 = {nearest, stochastic, random, pack, unpack, channel_max, energy};

}  // namespace subbyte
