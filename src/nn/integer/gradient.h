// Quantization of a product's output gradient: stochastic, with power-of-two shifts over channels, samples and blocks.
//   value = scale * 2^(S - n_c - m_i - e) * q,   |q| <= B,   0 <= e <= S        (docs/method.md, section 3)
// n_c stands on the weights in backward-data and leaves the sum in backward-weights, m_i is the other way round. A block is 16
// elements of a channel and a sample (kernels/quantize); its e is reduced over in both products, so the operands hold
// q * 2^(S - e).
#pragma once
#include <cstdint>
#include <vector>

#include "nn/integer/context.h"
#include "nn/integer/grid.h"

namespace subbyte {

/// S for gradients of `bits`; bits + S <= 8, what an operand holds.
int block_shift(const QuantConfig&, int bits);

/// Largest operand: a code times 2^S.
inline int32_t top_gradient(const QuantConfig& q, int bits) { return top_code(bits, true) << block_shift(q, bits); }

/// The choices for one batch.
struct GradientPlan {
  Grid grid;                     ///< scale of an operand, channel shifts n_c, fixed-point grid
  std::vector<int32_t> sample;   ///< [images], m_i
  int samples = 1;               ///< Mg
  int block = 0;                 ///< S
  std::vector<uint8_t> tie_down; ///< [images], 1: the image's input gradient rounds ties down, 0: up
  int64_t elements = 0;          ///< an image
  std::vector<Buffer<int16_t>> limit, pow2;  ///< kernel constants by m, of blocks with e = 0
};

/// One image's operands and their random numbers.
struct GradientCodes {
  /// Elements of `random` for an image of that shape; `codes` has one an element.
  static int64_t random_size(Shape);
  Buffer<uint16_t> random;
  Buffer<int8_t> codes;  ///< [p][c], q * 2^(S - e)
};

/// Ranges of `dy` ([images] of `shape`) by image and channel, and the shifts that follow.
GradientPlan plan_gradient(Context&, const Stream& dy, Shape shape, int bits, int groups, int node);

/// Operands of one image; `tensor` and `use` key the random numbers, of which quant.round_g = nearest needs none. With
/// quant.draws_g = 2 backward-data reads operands of the use input_gradient, backward-weights still those of `gradient`.
void quantize_gradient(const Context&, const Stream& dy, const GradientPlan&, uint32_t tensor, int image, GradientCodes& out,
                       RandomUse use = RandomUse::gradient);

/// The left shift S - e of every element's block in one image's operands.
void block_shifts(const Stream& dy, const GradientPlan&, int image, uint8_t* out);

/// Right shift that leaves one bit of headroom below stream_limit for a largest sum seen.
int32_t shift_for(int64_t top);

}  // namespace subbyte
