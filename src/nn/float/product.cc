#include <unordered_map>
#include <utility>

#include "nn/float/op.h"

namespace subbyte::twin {
namespace {

using dnnl::memory;
using tag = dnnl::memory::format_tag;

/// The three primitives of a layer and the weight layouts that they chose.
struct Primitives {
  dnnl::primitive forward, backward_data, backward_weights;
  memory::desc x, y, dy, weight, weight_for_data, weight_gradient;
};

memory::data_type data_type(ElementType type) {
  return type == ElementType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::dims conv_weight_dims(const Node& node, Shape input) {
  if (node.depthwise) return {node.shape.c, 1, 1, node.kernel_h, node.kernel_w};
  return {node.shape.c, input.c, node.kernel_h, node.kernel_w};
}

Primitives conv_primitives(const OpContext& context, const Node& node, Shape in, bool need_dx) {
  const memory::data_type type = data_type(context.type);
  const Shape out = node.shape;
  Primitives p;
  p.x = memory::desc({context.count, in.c, in.h, in.w}, type, tag::nhwc);
  p.y = p.dy = memory::desc({context.count, out.c, out.h, out.w}, type, tag::nhwc);
  const memory::desc weight(conv_weight_dims(node, in), type, tag::any);
  const memory::desc gradient(conv_weight_dims(node, in), memory::data_type::f32, tag::any);
  const memory::dims strides{node.stride, node.stride}, begin{node.pad, node.pad};
  // What the last window does not cover is cut: padding at the end may be smaller, even negative.
  const memory::dims end{(out.h - 1) * node.stride + node.kernel_h - in.h - node.pad,
                         (out.w - 1) * node.stride + node.kernel_w - in.w - node.pad};
  const auto direct = dnnl::algorithm::convolution_direct;
  const auto kind = context.training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const dnnl::convolution_forward::primitive_desc forward(
      dnnl::convolution_forward::desc(kind, direct, p.x, weight, p.y, strides, begin, end), context.engine);
  p.forward = dnnl::convolution_forward(forward);
  p.weight = forward.weights_desc();
  if (!context.training) return p;
  const dnnl::convolution_backward_weights::primitive_desc weights(
      dnnl::convolution_backward_weights::desc(direct, p.x, gradient, p.dy, strides, begin, end), context.engine,
      forward);
  p.backward_weights = dnnl::convolution_backward_weights(weights);
  p.weight_gradient = weights.diff_weights_desc();
  if (need_dx) {
    const dnnl::convolution_backward_data::primitive_desc data(
        dnnl::convolution_backward_data::desc(direct, p.x, weight, p.dy, strides, begin, end), context.engine, forward);
    p.backward_data = dnnl::convolution_backward_data(data);
    p.weight_for_data = data.weights_desc();
  }
  return p;
}

Primitives linear_primitives(const OpContext& context, const Node& node, int inputs, bool logits, bool need_dx) {
  const memory::data_type type = data_type(context.type), f32 = memory::data_type::f32;
  const int outputs = node.shape.c;
  Primitives p;
  p.x = memory::desc({context.count, inputs}, type, tag::nc);
  p.y = memory::desc({context.count, outputs}, logits ? f32 : type, tag::nc);
  p.dy = memory::desc({context.count, outputs}, type, tag::nc);
  const memory::desc weight({outputs, inputs}, type, tag::any), gradient({outputs, inputs}, f32, tag::any);
  const memory::desc bias = node.bias ? memory::desc({outputs}, f32, tag::x) : memory::desc();
  const auto kind = context.training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const dnnl::inner_product_forward::primitive_desc forward(
      dnnl::inner_product_forward::desc(kind, p.x, weight, bias, p.y), context.engine);
  p.forward = dnnl::inner_product_forward(forward);
  p.weight = forward.weights_desc();
  if (!context.training) return p;
  const dnnl::inner_product_backward_weights::primitive_desc weights(
      dnnl::inner_product_backward_weights::desc(p.x, gradient, bias, p.dy), context.engine, forward);
  p.backward_weights = dnnl::inner_product_backward_weights(weights);
  p.weight_gradient = weights.diff_weights_desc();
  if (need_dx) {
    const dnnl::inner_product_backward_data::primitive_desc data(
        dnnl::inner_product_backward_data::desc(p.x, weight, p.dy), context.engine, forward);
    p.backward_data = dnnl::inner_product_backward_data(data);
    p.weight_for_data = data.weights_desc();
  }
  return p;
}

class Product : public Op {
 public:
  Product(const OpContext& context, const Node& node, Shape input, Param& weight, Param* bias, bool logits,
          const OpTensors& t)
      : context_(context), weight_(weight), bias_(bias) {
    const bool conv = node.kind == NodeKind::conv;
    primitives_ = conv ? conv_primitives(context, node, input, t.dx)
                       : linear_primitives(context, node, input.elements(), logits, t.dx);
    const memory::desc master =
        conv ? memory::desc(conv_weight_dims(node, input), memory::data_type::f32,
                            node.depthwise ? tag::goihw : tag::ohwi)
             : memory::desc({node.shape.c, input.elements()}, memory::data_type::f32, tag::oi);
    const auto wrap = [&](const memory::desc& desc, const void* data) {
      return memory(desc, context.engine, const_cast<void*>(data));
    };
    x_ = wrap(primitives_.x, t.x);
    y_ = wrap(primitives_.y, t.y);
    master_value_ = wrap(master, weight.value.data());
    master_gradient_ = wrap(master, weight.grad.data());
    packed_ = memory(primitives_.weight, context.engine);
    pack_ = dnnl::reorder(master_value_, packed_);
    if (!context.training) return;
    dy_ = wrap(primitives_.dy, t.dy);
    gradient_ = memory(primitives_.weight_gradient, context.engine);
    unpack_gradient_ = dnnl::reorder(gradient_, master_gradient_);
    if (!t.dx) return;
    dx_ = wrap(primitives_.x, t.dx);
    shared_ = primitives_.weight_for_data == primitives_.weight;
    if (shared_) return;
    packed_for_data_ = memory(primitives_.weight_for_data, context.engine);
    pack_for_data_ = dnnl::reorder(master_value_, packed_for_data_);
  }

  void forward() override {
    master_value_.set_data_handle(weight_.value.data());
    pack_.execute(context_.stream, master_value_, packed_);
    std::unordered_map<int, memory> args = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, packed_}, {DNNL_ARG_DST, y_}};
    if (bias_) args.emplace(DNNL_ARG_BIAS, bias_memory(bias_->value.data()));
    primitives_.forward.execute(context_.stream, args);
    context_.stream.wait();
  }

  void backward() override {
    std::unordered_map<int, memory> args = {
        {DNNL_ARG_SRC, x_}, {DNNL_ARG_DIFF_DST, dy_}, {DNNL_ARG_DIFF_WEIGHTS, gradient_}};
    if (bias_) args.emplace(DNNL_ARG_DIFF_BIAS, bias_memory(bias_->grad.data()));
    primitives_.backward_weights.execute(context_.stream, args);
    master_gradient_.set_data_handle(weight_.grad.data());
    unpack_gradient_.execute(context_.stream, gradient_, master_gradient_);
    if (dx_) {
      if (!shared_) {
        master_value_.set_data_handle(weight_.value.data());
        pack_for_data_.execute(context_.stream, master_value_, packed_for_data_);
      }
      primitives_.backward_data.execute(context_.stream, {{DNNL_ARG_DIFF_DST, dy_},
                                                          {DNNL_ARG_WEIGHTS, shared_ ? packed_ : packed_for_data_},
                                                          {DNNL_ARG_DIFF_SRC, dx_}});
    }
    context_.stream.wait();
  }

 private:
  memory bias_memory(float* data) {
    return memory({{int64_t(bias_->value.size())}, memory::data_type::f32, tag::x}, context_.engine, data);
  }

  OpContext context_;
  Param& weight_;
  Param* bias_;
  Primitives primitives_;
  bool shared_ = false;
  memory x_, y_, dy_, dx_, master_value_, master_gradient_, packed_, packed_for_data_, gradient_;
  dnnl::reorder pack_, pack_for_data_, unpack_gradient_;
};

}  // namespace

std::unique_ptr<Op> make_product(const OpContext& context, const Node& node, Shape input, Param& weight, Param* bias,
                                 bool logits, const OpTensors& tensors) {
  return std::make_unique<Product>(context, node, input, weight, bias, logits, tensors);
}

}  // namespace subbyte::twin
