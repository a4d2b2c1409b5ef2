// ARMv8.2 dot product: sdot multiplies s8 by s8. A first operand a in 0..255 becomes a - 128 (its top bit flipped),
// which adds -128 times the sum of the words of w: the product of one more pixel, of -128, taken out at the end.
#include <arm_neon.h>

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
  static constexpr bool has_offset = true;
  // Up to 24 accumulators, the offset's, and their operands fit 32 registers.
  static constexpr int product_columns = 4, gradient_columns = 2;
  template <Dot D, int NV>
  static constexpr int tile_pixels = D == Dot::s16 ? 4 : 5;
  template <Dot D, int NV>
  static constexpr int usual_pixels = tile_pixels<D, NV>;
  template <int NV>
  static constexpr int gradient_rows3 = 4;
  template <int NV>
  static constexpr int gradient_rows1 = 8;
  template <Dot D>
  using Left = std::conditional_t<D == Dot::s16, Halves, int8x16_t>;
  template <Dot D>
  using Right = Left<D>;
  template <Dot D>
  static Left<D> left(Vec a) {
    if constexpr (D == Dot::s16) return halves(a);
    else return veorq_s8(vreinterpretq_s8_s32(a), least());
  }
  template <Dot D>
  static Right<D> right(Vec word) {
    if constexpr (D == Dot::s16) return halves(word);
    else return vreinterpretq_s8_s32(word);
  }
  template <Dot D>
  static void dot(Vec& acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) acc = dot_halves(acc, a, w);
    else acc = vdotq_s32(acc, a, w);
  }
  static Vec offset(Vec sums, int8x16_t w) { return vdotq_s32(sums, least(), w); }
  static Vec without(Vec acc, Vec sums) { return vsubq_s32(acc, sums); }

 private:
  static int8x16_t least() { return vdupq_n_s8(-128); }
};

}  // namespace

extern const ConvKernels conv_kernels_neon_dot;
const ConvKernels conv_kernels_neon_dot = {product<NeonDot>, weights_gradient<NeonDot>, transpose<NeonDot>,
                                           gradient_words<NeonDot>};

}  // namespace subbyte
