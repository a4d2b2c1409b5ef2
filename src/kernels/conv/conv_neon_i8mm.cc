// ARMv8.6 integer matrix extension: usdot multiplies u8 by s8 and adds four words.
#include <arm_neon.h>

#include <type_traits>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_tiles.inl"
#include "kernels/conv/conv_neon.inl"

struct NeonI8mm : Neon {
  template <Dot D>
  using Left = std::conditional_t<D == Dot::s16, Halves, Vec>;
  template <Dot D>
  using Right = Left<D>;
  template <Dot D>
  static Left<D> left(Vec a) {
    if constexpr (D == Dot::s16) return halves(a);
    else return a;
  }
  template <Dot D>
  static Right<D> right(Vec w) { return left<D>(w); }
  template <Dot D>
  static Vec dot(Vec acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) return dot_halves(acc, a, w);
    else return vusdotq_s32(acc, vreinterpretq_u8_s32(a), vreinterpretq_s8_s32(w));
  }
};

}  // namespace

extern const ConvKernels conv_kernels_neon_i8mm;
const ConvKernels conv_kernels_neon_i8mm = {row<NeonI8mm>, weights_gradient<NeonI8mm>, slide<NeonI8mm>};

}  // namespace subbyte
