// One node of a laid-out model: the executor of a plan calls forward in order and backward in reverse order.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>

#include "nn/float/element.h"
#include "nn/network.h"

namespace subbyte::twin {

/// What all operations of a plan share.
struct OpContext {
  dnnl::engine engine;
  dnnl::stream stream;
  ElementType type = ElementType::f32;
  int threads = 1;
  int count = 0;         ///< images in the batch
  bool training = false; ///< batch statistics, and what backward needs is kept
};

/// Tensors are dense [count][h][w][c] of the context's element type. Gradients are null where they are not needed.
struct OpTensors {
  const void* x = nullptr;
  const void* residual = nullptr;
  void* y = nullptr;
  void* dy = nullptr;          ///< the operation may overwrite it
  const void* dy_more = nullptr;  ///< norm_act: a second gradient to be added to dy
  void* dx = nullptr;
};

class Op {
 public:
  virtual ~Op() = default;
  virtual void forward() = 0;
  virtual void backward() = 0;
};

/// Convolution or linear on oneDNN; gradients are left in the parameters. `logits`: y is always FP32.
std::unique_ptr<Op> make_product(const OpContext& context, const Node& node, Shape input, Param& weight, Param* bias,
                                 bool logits, const OpTensors& tensors);

/// Running statistics of a norm, floats [c]; a deviation of 0 marks that no batch has been seen.
struct NormState {
  float* mean = nullptr;
  float* deviation = nullptr;
};

std::unique_ptr<Op> make_norm(const OpContext& context, const Node& node, NormKind kind, float momentum, Param& scale,
                              Param& shift, NormState state, const OpTensors& tensors);

/// Max, average and global average pooling.
std::unique_ptr<Op> make_pool(const OpContext& context, const Node& node, Shape input, const OpTensors& tensors);

}  // namespace subbyte::twin
