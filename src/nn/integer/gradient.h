// Quantization of a product's output gradient: stochastic, with power-of-two shifts over channels, samples and their pairs.
//   value = scale * 2^(S - n_c - m_i - e_ic) * q,   |q| <= B         (docs/method.md, section 3)
// n_c stands on the weights in backward-data and leaves the sum in backward-weights, m_i is the other way round; e_ic is
// constant over an image's pixels and reduced over in both, so the operands hold the code times 2^(S - e_ic), S the largest.
#pragma once
#include <cstdint>
#include <vector>

#include "nn/integer/context.h"
#include "nn/integer/grid.h"

namespace subbyte {

/// S: the largest shift over pairs of a sample and a channel for gradients of `bits`; bits + S <= 8, what an operand holds.
int pair_shift(const QuantConfig&, int bits);

/// Largest operand: a code times 2^S.
inline int32_t top_gradient(const QuantConfig& q, int bits) { return top_code(bits, true) << pair_shift(q, bits); }

/// The choices for one batch.
struct GradientPlan {
  Grid grid;                     ///< scale of an operand, channel shifts n_c, fixed-point grid
  std::vector<int32_t> sample;   ///< [images], m_i
  int samples = 1;               ///< Mg
  int most_pair = 0;             ///< S
  std::vector<uint8_t> pair;     ///< [images][channels], e_ic
  std::vector<uint8_t> tie_down; ///< [images], 1: the image's input gradient rounds ties down, 0: up
  int64_t elements = 0;          ///< an image

  /// n_c + m_i + e_ic.
  int shift(int image, int channel) const {
    return grid.shift[channel] + sample[image] + pair[size_t(image) * grid.shift.size() + channel];
  }
};

/// One image's operands, and what they are made with.
struct GradientCodes {
  /// Elements of `random` for an image of that shape; `codes` has one an element.
  static int64_t random_size(Shape);
  Buffer<uint16_t> random;
  Buffer<int16_t> limit, pow2, factor;  ///< [period]
  Buffer<int8_t> codes;                 ///< [p][c], q * 2^(S - e_ic)
};

/// Ranges of `dy` ([images] of `shape`) by image and channel, and the shifts that follow.
GradientPlan plan_gradient(Context&, const Stream& dy, Shape shape, int bits, int groups, int node);

/// Operands of one image; `tensor` keys the random numbers.
void quantize_gradient(const Context&, const Stream& dy, const GradientPlan&, uint32_t tensor, int image, GradientCodes& out);

/// Right shift that leaves one bit of headroom below stream_limit for a largest sum seen.
int32_t shift_for(int64_t top);

}  // namespace subbyte
