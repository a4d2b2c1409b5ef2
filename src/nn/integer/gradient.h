// Quantization of a product's output gradient: stochastic, with power-of-two shifts over channels and over samples.
//   value = scale * 2^-(n_c + m_i) * code         (docs/method.md, section 3, "two dimensions")
#pragma once
#include <cstdint>
#include <vector>

#include "nn/integer/context.h"
#include "nn/integer/grid.h"

namespace subbyte {

/// The choices for one batch.
struct GradientPlan {
  Grid grid;                    ///< scale, channel shifts n_c, fixed-point grid
  std::vector<int32_t> sample;  ///< [images], m_i
  int samples = 1;              ///< Mg
  int64_t elements = 0;         ///< an image
  std::vector<Buffer<int16_t>> limit, pow2;  ///< kernel constants by m
};

/// One image's codes and its random numbers.
struct GradientCodes {
  /// Elements of `random` for an image of that shape; `codes` has one an element.
  static int64_t random_size(Shape);
  Buffer<uint16_t> random;
  Buffer<int8_t> codes;  ///< [p][c]
};

/// Ranges of `dy` ([images] of `shape`) by image and channel, and the shifts that follow.
GradientPlan plan_gradient(Context&, const Stream& dy, Shape shape, int bits, int groups, int node);

/// Codes of one image; `tensor` keys the random numbers.
void quantize_gradient(const Context&, const Stream& dy, const GradientPlan&, uint32_t tensor, int image, GradientCodes& out);

/// Right shift that leaves one bit of headroom below stream_limit for a largest sum seen.
int32_t shift_for(int64_t top);

}  // namespace subbyte
