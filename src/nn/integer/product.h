// A convolution (groups 1) or linear layer: three integer products on one quantized copy of X, W and G.
#pragma once
#include <vector>

#include "nn/integer/gradient.h"
#include "nn/integer/layer.h"
#include "nn/integer/operands.h"

namespace subbyte {

class ProductLayer : public IntegerLayer {
 public:
  ProductLayer(Context&, int id, LayerParams, const Format&, bool needs_input_gradient);
  void forward(Context&) override;
  void backward(Context&) override;
  LayerInfo info() const override;

 private:
  struct Scratch;        // one thread's operands
  void forward_images(Context&, const PackedWeights&, const std::vector<int32_t>& init, int spare, Value& out);
  void input_gradient(Context&, const GradientPlan&, const PackedWeights&, int shift, int image, Scratch&, int16_t* dx,
                      int32_t* top);
  void weight_gradient(Context&, const GradientPlan&, int image, Scratch&);
  void flush(Scratch&, int shift) const;  // adds the int32 sums, times 2^shift, to the int64 totals
  void finish_weight_gradient(Context&, const GradientPlan&, std::vector<Scratch>&);

  int id_;
  const Node node_;
  LayerParams params_;
  Format format_;
  bool needs_input_gradient_, is_head_;
  ProductShape shape_;
  int groups_w_, groups_a_, groups_g_;
  WeightCodes weights_;
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
