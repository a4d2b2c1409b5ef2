// ARMv8.2 dot product: sdot multiplies s8 by s8. A first operand a in 0..255 is a - 128 as s8 (its top bit flipped), and
// what is missing, 128 times the sum of the word of w, belongs to w alone: it is formed once for each vector of weights.
#include <arm_neon.h>

#include <array>
#include <type_traits>
#include <utility>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_neon.inl"
#include "kernels/conv/conv_product.inl"
#include "kernels/conv/conv_gradient.inl"
#include "kernels/conv/conv_pack.inl"

struct NeonDot : Neon {
  // Up to 24 accumulators and their operands, two registers each on the right, fit 32 registers.
  static constexpr int product_columns = 4, gradient_columns = 2;
  template <Dot D, int NV>
  static constexpr int tile_pixels = D == Dot::s16 ? 4 : 5;
  template <Dot D, int NV>
  static constexpr int usual_pixels = tile_pixels<D, NV>;
  template <int NV>
  static constexpr int gradient_rows3 = 4;
  template <int NV>
  static constexpr int gradient_rows1 = 8;
  struct Weights {
    int8x16_t w;
    Vec missing;
  };
  template <Dot D>
  using Left = std::conditional_t<D == Dot::s16, Halves, int8x16_t>;
  template <Dot D>
  using Right = std::conditional_t<D == Dot::s16, Halves, Weights>;
  template <Dot D>
  static Left<D> left(Vec a) {
    if constexpr (D == Dot::s16) return halves(a);
    else return veorq_s8(vreinterpretq_s8_s32(a), vdupq_n_s8(-128));
  }
  template <Dot D>
  static Right<D> right(Vec word) {
    if constexpr (D == Dot::s16) return halves(word);
    else {
      const int8x16_t w = vreinterpretq_s8_s32(word);
      return {w, vnegq_s32(vdotq_s32(zero(), w, vdupq_n_s8(-128)))};
    }
  }
  template <Dot D>
  static void dot(Vec& acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) acc = dot_halves(acc, a, w);
    else acc = vdotq_s32(add(acc, w.missing), a, w.w);
  }
};

}  // namespace

extern const ConvKernels conv_kernels_neon_dot;
const ConvKernels conv_kernels_neon_dot = {product<NeonDot>, weights_gradient<NeonDot>, transpose<NeonDot>,
                                           gradient_words<NeonDot>};

}  // namespace subbyte
