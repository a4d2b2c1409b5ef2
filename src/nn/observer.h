// What may be seen of a training step of the integer network: each product's tensors before and after they are quantized.
// All values are real numbers. Views are valid during the call that passes them.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "nn/spec.h"

namespace subbyte {

/// A tensor in `parts` of `elements` each (images; weights are one part).
struct QuantizedView {
  int parts = 0;  ///< 0: the tensor has no form that is not quantized (pixels)
  int64_t elements = 0;
  std::function<void(int part, double* before, double* after)> read;
};

/// The operands of a product's forward pass.
struct OperandsView {
  int node = 0;             ///< id in the model
  QuantizedView activations, weights;
  int activation_block_groups = 1;  ///< S + 1
};

/// The gradient of a product's output, times the real scales of its channels' weights, as it is before stochastic rounding,
/// and how it is rounded. (Which shifts blocks have follows from the stream and `range`.)
struct GradientView {
  int node = 0;
  int images = 0;
  Shape shape;              ///< of an image: [h][w][c]
  int bits = 0;
  int groups = 1;           ///< Ng
  int sample_groups = 1;    ///< Mg
  int block_groups = 1;     ///< S + 1
  int32_t range = 0;        ///< of the tensor, samples scaled by 2^m_i, in units of the stream
  double step = 0;          ///< between codes of a channel and a sample without shifts: range / (2^(bits-1) - 1)
  std::vector<int32_t> channel_shift, sample_shift;  ///< n_c [c], m_i [images]
  std::vector<double> channel_scale;                 ///< [c], by which dLoss/dy was multiplied
  double unit = 0;          ///< value of element 1 of `stream`
  const int16_t* stream = nullptr;  ///< [images][h][w][c]
  /// Rounds an image: rounding 0 is the one of the step itself, others have random numbers of their own.
  std::function<void(int image, int rounding, double* after)> round;
};

/// A tensor in integers, as the products read it: an element counts code * 2^(shift of its block), without zero point.
struct CodesView {
  int bits = 0;
  bool is_signed = true;
  int zero = 0;             ///< what the stored codes have added
  int groups = 1;           ///< Ng
  int most_shift = 0;       ///< S, the largest shift of a block; 0: blocks have none
  std::vector<int32_t> channel_shift;  ///< n_c [c]: the value is 2^-n_c of it
  int64_t elements = 0;     ///< of a part
  /// Codes [elements] and their blocks' left shifts 0..S [elements] of an image (weights are one part).
  std::function<void(int part, int16_t* code, uint8_t* shift)> read;
};

/// How a product's tensors meet; a linear layer is a 1x1 convolution over one pixel.
struct ProductView {
  int node = 0;
  int images = 0;
  int kh = 1, kw = 1, stride = 1, pad = 0;
  Shape in, out;            ///< of an image
};

/// The forward product in integers. Weights are [co][tap][ci], their channels the outputs.
struct ForwardView : ProductView {
  CodesView activations, weights;
  int finest = 0;           ///< products of channel c count 2^(finest - n_c)
  /// The kernel's sums of an image, before they are shifted to int16: [p][co].
  std::function<void(int image, int32_t* sums)> sums;
};

/// The two backward products in integers.
struct BackwardView : ProductView {
  CodesView activations, weights;
  CodesView gradient;       ///< that meets the activations
  CodesView data_gradient;  ///< that meets the weights: the same but with quant.draws_g = 2
  int sample_groups = 1;    ///< Mg
  std::vector<int32_t> sample_shift;  ///< m_i [images]
  int finest = 0;           ///< backward-data: products of channel c of the gradient count 2^(finest - n_c - n_w)
  bool has_input_gradient = true;
  /// The kernel's sums of an image: [pixel of the input][ci], and [co][tap][ci] without the sample's shift.
  std::function<void(int image, int32_t* sums)> data_sums, weight_sums;
};

/// Called by the thread that called train_step, product by product; forward in the model's order, backward in reverse.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  virtual void on_operands(const OperandsView&) = 0;
  virtual void on_gradient(const GradientView&) = 0;
  /// After the products have run.
  virtual void on_forward(const ForwardView&) {}
  virtual void on_backward(const BackwardView&) {}
};

}  // namespace subbyte
