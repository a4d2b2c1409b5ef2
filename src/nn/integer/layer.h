// A layer of the integer network: forward and backward side by side.
#pragma once
#include <memory>
#include <vector>

#include "nn/integer/context.h"
#include "nn/integer/scratch_sizes.h"

namespace subbyte {

class IntegerLayer {
 public:
  virtual ~IntegerLayer() = default;
  /// Reads context.values[node.input], writes context.values[id]. While context.planning(), this and backward only take and
  /// give back what they need of context.memory.
  virtual void forward(Context&) = 0;
  /// Reads the gradients of its value, adds a contribution to its input's; fills its parameters' gradients.
  virtual void backward(Context&) = 0;
  /// Gives back what forward kept for backward.
  virtual void forget() {}
  /// What it needs besides, for a step of context.images, of training where context.training.
  virtual void scratch(const Context&, ScratchSizes&) const {}
  /// Bytes that live as long as the layer and grow with its weights.
  virtual int64_t weight_code_bytes() const { return 0; }
  virtual LayerInfo info() const = 0;
};

/// A layer that takes the last contribution to its gradient image by image, while the caches hold it, from the product or the
/// pool that computes it.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// `dx` has its scale, bound and memory; its images follow, from any thread. Again for a product that runs once more.
  virtual void begin_gradient(Context&, Stream& dx) = 0;
  virtual void take_gradient(Context&, int thread, int image) = 0;
  /// What take_gradient will read of an image, at most 3 ranges; returns how many.
  virtual int reads(int image, ReadAhead* ahead) const = 0;
};

/// Parameters of one layer, where it has them (pointers into the network's list).
struct LayerParams {
  Param* weight = nullptr;
  Param* bias = nullptr;
};

std::unique_ptr<IntegerLayer> make_product_layer(Context&, int id, LayerParams, const Format&, bool needs_input_gradient);
std::unique_ptr<IntegerLayer> make_depthwise_layer(Context&, int id, LayerParams, const Format&, bool needs_input_gradient);
std::unique_ptr<IntegerLayer> make_norm_layer(Context&, int id, LayerParams);
std::unique_ptr<IntegerLayer> make_max_pool_layer(Context&, int id);
std::unique_ptr<IntegerLayer> make_average_pool_layer(Context&, int id);

/// The value's one gradient stream: the consumers' contributions, added at a common scale where there are two.
/// Afterwards the contributions are released; null where there is none.
std::shared_ptr<Stream> gather_gradients(Context&, Value&);

/// Adds a value's two contributions of one image at their common scale; see join_gradients.
struct GradientJoin {
  Stream *a = nullptr, *b = nullptr;
  Rescale scale_a, scale_b;
  void run(const Context&, int image, int64_t elements, int16_t* out) const;
};
/// Gives `out` scale, bound and the memory of `b` for the sum of two contributions; the caller runs the join over the images
/// and then releases them.
GradientJoin join_gradients(Stream& a, Stream& b, Stream& out);

/// Quantizes a value's stream to its codes (nearest even), with the range of this batch or, in evaluation, `range`.
class ActivationQuantizer {
 public:
  ActivationQuantizer() = default;
  ActivationQuantizer(Context&, const Node&);
  /// `channel_max` is max |stream| per channel of this batch.
  void run(Context&, Value&, const std::vector<int32_t>& channel_max);
  /// The two halves of run, for a caller that has the images at hand: the grid and the codes' memory, then an image.
  void plan(Context&, Value&, const std::vector<int32_t>& channel_max);
  void image(const Context&, Value&, int index, const int16_t* z) const;
  /// The same for the pass that computes z; not where blocks have shifts, which need z first.
  NormCodes image_codes(const Context&, Value&, int index) const;
  bool has_blocks() const { return most_shift_ > 0; }
  /// The unit of a stream up to `bound` (real units) at which evaluation's codes are the stream shifted right: a code of the
  /// running range with as many bits below it as elements up to `limit` have room for.
  double shifting_unit(const Value&, double bound, double limit) const;

  /// Whether the channels' running means limit the ranges of this step. The caller of `plan` then measures for the next ones:
  /// begin_energy, add_energy for every image, finish_energy.
  bool limits(const Context&) const;
  void begin_energy(const Context&, int64_t pixels, int channels);
  /// Adds an image's squares and magnitudes where it `counts`; any thread.
  void add_energy(const Context&, int thread, int index, int64_t elements, int channels, const int16_t* z);
  bool counts(const Context&, int index) const;
  void finish_energy(const Context&, int64_t pixels, double unit);

 private:
  State* range_ = nullptr;   // "<node>.running_range" [c], real units
  State* energy_ = nullptr;  // "<node>.running_energy" [c], mean squares in real units; null: ranges are maxima
  State* magnitude_ = nullptr;  // "<node>.running_magnitude" [c], mean magnitudes
  double clip_ = 0;          // in mean squares over mean magnitudes; 0: none
  PerThread<int64_t> energies_{1, 1}, magnitudes_{1, 1};
  int stride_ = 1;           // images from one that is measured to the next
  int node_ = 0;
  int most_shift_ = 0;       // of blocks (activation_blocks.h)
  Buffer<int16_t> limit_, pow2_, zeros_;
  QuantizeGrid grid_{};
};

}  // namespace subbyte
