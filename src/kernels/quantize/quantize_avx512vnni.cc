#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {
#include "kernels/quantize/quantize_generic.inl"
}  // namespace

extern const QuantizeKernels quantize_kernels_avx512vnni;
const QuantizeKernels quantize_kernels_avx512vnni = {nearest, stochastic, random, pack, unpack, channel_max, energy};

}  // namespace subbyte
