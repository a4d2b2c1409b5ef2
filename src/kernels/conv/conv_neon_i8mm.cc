// ARMv8.6 integer matrix extension: usdot multiplies u8 by s8 and adds four words.
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

struct NeonI8mm : Neon {
  static constexpr bool has_offset = false;
  // Up to 24 accumulators and their operands fit 32 registers; the halves of int16 operands need two each.
  static constexpr int product_columns = 4, gradient_columns = 2;
  template <Dot D, int NV>
  static constexpr int tile_pixels = D == Dot::s16 ? 4 : 6;
  template <Dot D, int NV>
  static constexpr int usual_pixels = tile_pixels<D, NV>;
  template <int NV>
  static constexpr int gradient_rows3 = 4;
  template <int NV>
  static constexpr int gradient_rows1 = 8;
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
  static void dot(Vec& acc, Left<D> a, Right<D> w) {
    if constexpr (D == Dot::s16) acc = dot_halves(acc, a, w);
    else acc = vusdotq_s32(acc, vreinterpretq_u8_s32(a), vreinterpretq_s8_s32(w));
  }
};

}  // namespace

extern const ConvKernels conv_kernels_neon_i8mm;
const ConvKernels conv_kernels_neon_i8mm = {product<NeonI8mm>, weights_gradient<NeonI8mm>, transpose<NeonI8mm>,
                                            gradient_words<NeonI8mm>};

}  // namespace subbyte
