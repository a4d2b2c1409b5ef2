// A convolution (groups 1) or linear layer: three integer products on one quantized copy of X, W and G.
#pragma once
#include <vector>

#include "nn/integer/activation_blocks.h"
#include "nn/integer/gradient.h"
#include "nn/integer/layer.h"
#include "nn/integer/operands.h"
#include "nn/integer/phases.h"
#include "nn/integer/right_shift.h"

namespace subbyte {

class ProductLayer : public IntegerLayer {
 public:
  ProductLayer(Context&, int id, LayerParams, const Format&, bool needs_input_gradient);
  void forward(Context&) override;
  void backward(Context&) override;
  LayerInfo info() const override;
  void scratch(const Context&, ScratchSizes&) const override;
  int64_t weight_code_bytes() const override { return int64_t(params_.weight->value.size()); }

 private:
  /// How a batch's weight gradients are summed up; known before the batch.
  struct Accumulation {
    int64_t bound = 0;           // of one image's shifted sums
    bool late_shift = false;     // the bound is beyond 32 bits: the sample's shift is applied in 64
    int group = 1;               // images whose operands of backward-weights are prepared together
    bool by_panel = false;       // all of them: a thread then finishes whole panels of outputs, and no sums are added up
  };
  /// What a batch's backward pass needs beside the gradient.
  struct Backward {
    GradientPlan plan;
    Buffer<uint8_t> factor;      // shifts of the gradient operand, repeated; empty: none
    std::vector<std::vector<int32_t>> init, init_down;  // by phase; from the latter, ties are rounded down
    std::vector<TapRuns> taps;   // by phase
    int right_shift = 0;         // of backward-data's sums, of the finest sample
    int spare = 0;               // shifts that no channel uses
    int finest = 0;              // left shift of the coarsest channels' operands
    int zero = 0;                // zero point of X
    Accumulation sums;
    GradientSink* sink = nullptr;
    std::vector<int> order, shift, slot;  // sums.by_panel: images by falling shift, their shifts, and an image's place
    std::vector<int> ends;       // of the parts of `order` whose sums fit 32 bits
  };
  struct WeightUnits {           // real value of a weight gradient's sum: input[k] * output[n]
    std::vector<double> input, output;
  };
  WeightUnits weight_units(const Backward&, const Codes&) const;
  TapRuns forward_taps(const PackedWeights&) const;
  /// Bits of an operand product at the finest group, of the forward and of the input-gradient sums.
  int forward_bits(const Codes&) const;
  int backward_bits(const GradientPlan&) const;
  void forward_images(Context&, const PackedWeights&, int t, int spare, Value& out);
  Accumulation accumulation(const Context&) const;
  Backward plan_backward(Context&, const Stream& dy);
  void compute_gradients(Context&, const Stream& dy, GradientSink*);
  void backward_images(Context&, const Backward&, const Stream& dy, bool weights, int thread, int begin, int end, int64_t* top);
  void input_gradient(Context&, const Backward&, const Stream& dy, int image, int next, ThreadScratch&, int64_t* top);
  void load_weight_operands(Context&, GradientOperands&, int image, int slot, int shift, ThreadScratch&) const;
  WeightsGradient weights_gradient(const GradientOperands&, int most_shift, const int* shift, int count, int32_t* dw,
                                   Dot&) const;
  void sum_codes(const Backward&, ThreadScratch&) const;
  void flush(const Backward&, ThreadScratch&, int shift) const;
  void finish_weight_gradient(Context&, const Backward&);
  void weight_gradient_by_panel(Context&, const Backward&);
  void observe_forward(Context&, const PackedWeights&, int finest) const;
  void observe_backward(Context&, const Backward&, const Stream& dy) const;

  int id_;
  const Node node_;
  LayerParams params_;
  Format format_;
  bool needs_input_gradient_, is_head_, scales_weights_;
  ProductShape shape_;
  BackwardPhases phases_;
  int groups_w_, groups_a_, groups_g_;
  FilterShifts filters_;
  int operand_w_;        // bits of a weight's operand
  int32_t top_w_;        // largest of them
  int32_t top_g_;        // largest operand of the gradient
  WeightCodes weights_;
  RightShift shift_;     // of sums at the finest group
  Stream dx_;
};

/// Groups that a product's tensors get where the configuration says 0 (what fits byte operands), reduced where int32 sums
/// would not hold. Where a normalization follows, weights may have a real scale for every output channel instead of groups.
struct ProductGroups {
  int w, a, g;
  bool scales_w;
};
ProductGroups product_groups(const QuantConfig&, const Format&, const ProductShape&, bool unsigned_input, bool normalized);

}  // namespace subbyte
