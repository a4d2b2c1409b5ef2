// A convolution (groups 1) or linear layer: three integer products on one quantized copy of X, W and G.
#pragma once
#include <vector>

#include "nn/integer/gradient.h"
#include "nn/integer/layer.h"
#include "nn/integer/operands.h"
#include "nn/integer/phases.h"

namespace subbyte {

class ProductLayer : public IntegerLayer {
 public:
  ProductLayer(Context&, int id, LayerParams, const Format&, bool needs_input_gradient);
  void forward(Context&) override;
  void backward(Context&) override;
  LayerInfo info() const override;

 private:
  /// What a batch's backward pass needs beside the gradient.
  struct Backward {
    GradientPlan plan;
    Buffer<uint8_t> factor;      // shifts of the gradient operand, repeated; empty: none
    std::vector<std::vector<int32_t>> init;  // by phase
    std::vector<TapRuns> taps;   // by phase
    int shift = 0;               // of the finest sample
    int spare = 0;               // shifts that no channel uses
    int zero = 0;                // zero point of X
    int64_t bound = 0;           // of one image's shifted weight gradient sums
    bool late_shift = false;     // the bound is beyond 32 bits: the sample's shift is applied in 64
    int group = 1;               // images whose operands of backward-weights are prepared together
  };
  void forward_images(Context&, const PackedWeights&, int spare, Value& out);
  Backward plan_backward(Context&, const Stream& dy);
  void backward_images(Context&, const Backward&, const Stream& dy, bool weights, int thread, int begin, int end, int64_t* top);
  void input_gradient(Context&, const Backward&, int image, ThreadScratch&, int64_t* top);
  void load_weight_operands(Context&, const Backward&, int image, int slot, int shift, ThreadScratch&) const;
  void sum_codes(const Backward&, ThreadScratch&) const;
  void flush(const Backward&, ThreadScratch&, int shift) const;
  void finish_weight_gradient(Context&, const Backward&);

  int id_;
  const Node node_;
  LayerParams params_;
  Format format_;
  bool needs_input_gradient_, is_head_;
  ProductShape shape_;
  BackwardPhases phases_;
  int groups_w_, groups_a_, groups_g_;
  WeightCodes weights_;
  PackedWeights packed_;       // of the product that runs: forward, then backward-data
  State* shifts_;        // "<node>.shifts": right shifts of the forward and the input-gradient sums at the finest
                         // group; -1 before the first step
  Stream dx_;
};

/// Groups that a product's tensors get where the configuration says 0 (what fits byte operands), reduced where int32 sums
/// would not hold: {weights, activations, gradients}.
struct ProductGroups {
  int w, a, g;
};
ProductGroups product_groups(const QuantConfig&, const Format&, const ProductShape&, bool unsigned_input);

}  // namespace subbyte
