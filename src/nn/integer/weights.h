// Weight codes of a product, and their two packed forms. Shifts vary over output channels only: in forward they leave the
// sum, in backward-data they are folded into the operands (docs/method.md, sections 2 and 3).
#pragma once
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "kernels/conv/conv.h"
#include "nn/network.h"

namespace subbyte {

struct ProductShape {
  int kh = 1, kw = 1, stride = 1, pad = 0;
  Shape in, out;
  int taps() const { return kh * kw; }
  bool operator==(const ProductShape&) const = default;
};

/// value = scale * 2^-shift[co] * code; code [co][tap][ci].
struct WeightCodes {
  int bits = 4;
  double scale = 1;
  std::vector<int32_t> shift;
  std::vector<int8_t> code;
};

/// Nearest-even codes of FP32 master weights. `clip` > 0 limits the range to clip root mean squares.
/// Throws Error naming the parameter where a weight is not finite.
WeightCodes quantize_weights(const Param& weight, int bits, int groups, float clip);

/// Words [panel][tap][words][panel_width] for ImageProduct, for each set of taps.
struct PackedWeights {
  struct Taps {
    int64_t offset = 0;               ///< of the set's words in `bytes`
    std::vector<int32_t> column_sum;  ///< [n16], sum of weights over the set's taps and channels: takes zero points out
  };
  Dot dot = Dot::u8s8;
  int burst = 1;                 ///< see ImageProduct
  int zero = 0;                  ///< zero point of the first operand's bytes
  int words = 0;                 ///< a pixel
  int outputs = 0;               ///< multiple of 16
  std::vector<int32_t> operand_shift;  ///< [reduced channel], left shift of the first operand
  std::vector<Taps> sets;
  Buffer<uint8_t> bytes;

  /// Accumulators' start values for a set.
  std::vector<int32_t> init(size_t set) const;
};

/// Forward: reduced over ci; row ci carries 2^left[ci] (how far its activation code is below the tensor's finest). One set:
/// all taps. The first operand is u8 with the zero point of the activation codes, at most `operand_top`.
PackedWeights pack_forward(const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left, int zero, int operand_top);

/// Backward-data: reduced over co; row co carries 2^left[co], split over the weights and the gradient codes
/// (`gradient_bits`) where one side has not the room. Each set lists taps of the kernel in the order of the product.
PackedWeights pack_backward(const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left, int gradient_bits,
                            const std::vector<std::vector<int>>& sets);

/// Whether sums of `reduced` products stay below 2^31, with room for the half that rounds them.
bool sums_fit(int64_t reduced, int64_t top_a, int64_t top_b, int shift);

}  // namespace subbyte
