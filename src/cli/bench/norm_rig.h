// A normalization layer alone, and what its FP32 twin does on the same shape.
#pragma once
#include <memory>

#include "base/isa.h"
#include "cli/bench/measure.h"
#include "nn/integer/layer.h"

namespace subbyte::bench {

/// Node 0 holds a random stream, node 1 normalizes it and applies ReLU. Its result is a stream (`code_bits` 0), or codes
/// alone, as most normalizations of a network have it.
class NormRig {
 public:
  NormRig(Shape shape, int images, NormKind kind, int code_bits, int threads);
  void forward();
  /// From a random gradient; after forward().
  void backward();
  int64_t elements() const { return int64_t(shape_.elements()) * ctx_.images; }

  /// Bytes that the layer's passes read and write, an element: the stream twice (deviation, affine), result, 8-bit code
  /// and mask bit in forward; in backward the masked sums in place, then code and gradient again and the result.
  double forward_bytes() const { return 2 + 2 + (code_bits_ > 0 ? code_bits_ / 8.0 : 2) + 1 + 0.125; }
  static constexpr double backward_bytes = 2 + 1 + 0.125 + 2 + 2 + 1 + 2;

  /// Throws Error where another rig's results after both passes are not the same bytes.
  void require_same(const NormRig& expected) const;

 private:
  static NetworkConfig config(Shape shape, NormKind kind, int threads);

  Shape shape_;
  int code_bits_;
  Context ctx_;
  Param scale_, offset_;
  std::unique_ptr<IntegerLayer> layer_;
  Stream y_, delta_;
};

struct TwinTimes {
  Timing forward, backward;
};
inline constexpr double twin_forward_bytes = 4 + 4 + 4 + 4, twin_backward_bytes = 4 * 4 + 3 * 4;

/// FP32 batch normalization (L2) with ReLU on `rows` x `channels` values, checked against plain loops first.
/// Throws Error where it differs. Only in builds with the twin.
TwinTimes time_twin(int64_t rows, int channels, ThreadPool& pool, int runs, double seconds);

}  // namespace subbyte::bench
