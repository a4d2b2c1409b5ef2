// Weight codes of a product, and their two packed forms. Shifts vary over output channels only: in forward they leave the
// sum, in backward-data they are folded into the operands (docs/method.md, sections 2 and 3).
#pragma once
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "base/threads.h"
#include "kernels/conv/conv.h"
#include "kernels/weights/weights.h"
#include "nn/integer/grid.h"
#include "nn/network.h"
#include "quant/format.h"

namespace subbyte {

struct ProductShape {
  int kh = 1, kw = 1, stride = 1, pad = 0;
  Shape in, out;
  int taps() const { return kh * kw; }
  bool operator==(const ProductShape&) const = default;
};

/// Shifts over filters, the `taps` weights of one input and one output channel: 0 <= u <= most_shift.
struct FilterShifts {
  int taps = 1;
  int most_shift = 0;
};

/// S of a product's weights: what quant.filter_groups_w says, as far as a byte has room; 0 for filters of few taps, whose
/// shifts would cost as much as wider codes.
FilterShifts filter_shifts(const QuantConfig&, int bits, int taps);

/// Largest operand of a weight: a code times 2^S.
inline int32_t top_weight(int bits, int most_shift) { return top_code(bits, true) << most_shift; }

/// value = scale * channel_scale[co] * 2^-shift[co] * code; code [co][tap][ci] is what the products read, q * 2^u with q of
/// `bits` bits (kernels/weights). All shifts are 0 or all channel scales are 1.
/// A channel's real scale is no part of the products: forward leaves it to the stream's reader, and what backward gets is the
/// gradient times it (Stream::channel_scale).
struct WeightCodes {
  int bits = 4;
  FilterShifts filters;
  double scale = 1;
  std::vector<int32_t> shift;
  std::vector<double> channel_scale;
  std::vector<int8_t> code;
  int operand_bits() const { return bits + filters.most_shift; }
};

/// Who does the work on weights: an instruction set's kernels, and threads for the large ones (null: none).
struct WeightWorkers {
  const WeightKernels& kernels;
  ThreadPool* threads = nullptr;
};

/// Nearest-even codes of FP32 master weights. `groups` 0: a real scale for every output channel, 1 and more: shifts. `clip` > 0
/// limits a channel's range to clip of its root mean squares.
/// Throws Error naming the parameter where a weight is not finite.
/// This and the packing below reuse the memory of `out`: fresh pages each step cost more than the work itself.
void quantize_weights(const WeightWorkers&, const Param& weight, int bits, int groups, float clip, FilterShifts,
                      WeightCodes& out);
WeightCodes quantize_weights(const Param& weight, int bits, int groups, float clip, FilterShifts = {});

/// What PackedWeights takes for `rows` reduced channels, `columns` outputs, and `taps` in all sets.
struct PackedSize {
  int words = 0, outputs = 0;
  int64_t bytes = 0;
};
PackedSize packed_size(int rows, int columns, int taps, bool int16);

/// Words [panel][tap][words][panel_width] for ImageProduct (kernels/conv), for each set of taps.
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
void pack_forward(const WeightWorkers&, const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left, int zero,
                  int operand_top, PackedWeights& out);
PackedWeights pack_forward(const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left, int zero,
                           int operand_top);

/// Backward-data: reduced over co; row co carries 2^left[co], split over the weights and the gradient codes
/// (`gradient_bits`) where one side has not the room. Each set lists taps of the kernel in the order of its product.
void pack_backward(const WeightWorkers&, const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left,
                   int gradient_bits, const std::vector<std::vector<int>>& sets, PackedWeights& out);
PackedWeights pack_backward(const WeightCodes&, const ProductShape&, const std::vector<int32_t>& left, int gradient_bits,
                            const std::vector<std::vector<int>>& sets);

/// Whether sums of `reduced` products stay below 2^31, with room for the half that rounds them.
bool sums_fit(int64_t reduced, int64_t top_a, int64_t top_b, int shift);

}  // namespace subbyte
