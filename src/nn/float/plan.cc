#include "nn/float/plan.h"

#include <algorithm>
#include <cmath>

#include "nn/float/bf16.h"
#include "nn/float/layout.h"
#include "nn/float/norm_kernels.h"

namespace subbyte::twin {

Plan::Plan(const PlanSource& source, const OpContext& context) : model_(source.config.model), context_(context) {
  const Shape input = model_.input_shape();
  for (int channel = 0; channel < input.c; ++channel)
    for (int byte = 0; byte < 256; ++byte)
      table_.push_back(float((byte / 255.0 - source.config.mean[channel]) / source.config.stddev[channel]));
  const Layout layout = lay_out(model_, context.type, context.count, context.training, arena_);
  kept_ = layout.kept;
  for (const OpTensors& tensors : layout.tensors) outputs_.push_back(tensors.y);
  if (context.training) {
    logit_gradient_.resize(size_t(context.count) * model_.classes);
    logit_gradient_typed_ = layout.tensors.back().dy;
  }
  size_t param = 0, state = 0;
  for (size_t id = 1; id < model_.nodes.size(); ++id) {
    const Node& node = model_.nodes[id];
    const Shape in = model_.nodes[node.input].shape;
    const OpTensors& tensors = layout.tensors[id];
    Step step;
    step.extra = layout.extra[id];
    step.gradient = tensors.dy;
    step.elements = int64_t(context.count) * node.shape.elements();
    switch (node.kind) {
      case NodeKind::conv:
      case NodeKind::linear: {
        Param& weight = source.params[param++];
        Param* bias = node.bias ? &source.params[param++] : nullptr;
        step.op = make_product(context, node, in, weight, bias, id + 1 == model_.nodes.size(), tensors);
        break;
      }
      case NodeKind::norm_act: {
        Param &scale = source.params[param], &shift = source.params[param + 1];
        const NormState running{source.states[state].floats.data(), source.states[state + 1].floats.data()};
        step.op = make_norm(context, node, source.config.norm, source.config.norm_momentum, scale, shift, running,
                            tensors);
        param += 2;
        state += 2;
        break;
      }
      case NodeKind::max_pool:
      case NodeKind::avg_pool:
      case NodeKind::global_avg_pool: step.op = make_pool(context, node, in, tensors); break;
      case NodeKind::input:
      case NodeKind::flatten: break;
    }
    steps_.push_back(std::move(step));
  }
}

template <class T>
void Plan::load(const uint8_t* pixels) {
  T* out = static_cast<T*>(outputs_.front());
  const int c = model_.input_shape().c;
  const int64_t positions = int64_t(context_.count) * model_.input_shape().h * model_.input_shape().w;
#pragma omp parallel for schedule(static) num_threads(context_.threads)
  for (int64_t i = 0; i < positions; ++i)
    for (int channel = 0; channel < c; ++channel)
      out[i * c + channel] = T(table_[size_t(channel) * 256 + pixels[i * c + channel]]);
}

void Plan::forward(const uint8_t* pixels) {
  context_.type == ElementType::f32 ? load<float>(pixels) : load<Bf16>(pixels);
  for (Step& step : steps_)
    if (step.op) step.op->forward();
}

void Plan::backward() {
  if (context_.type == ElementType::f32)
    std::copy(logit_gradient_.begin(), logit_gradient_.end(), static_cast<float*>(logit_gradient_typed_));
  else
    std::transform(logit_gradient_.begin(), logit_gradient_.end(), static_cast<Bf16*>(logit_gradient_typed_),
                   [](float value) { return Bf16(value); });
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (!step->gradient) continue;  // nothing before it learns
    for (const void* extra : step->extra) norm_kernels(context_.type).add(extra, step->gradient, step->elements);
    if (step->op) step->op->backward();
  }
}

std::string Plan::first_not_finite() const {
  for (size_t id = 0; id < model_.nodes.size(); ++id) {
    const int64_t elements = int64_t(context_.count) * model_.nodes[id].shape.elements();
    const bool wide = context_.type == ElementType::f32 || id + 1 == model_.nodes.size();
    for (int64_t i = 0; i < elements; ++i) {
      const float value = wide ? static_cast<const float*>(outputs_[id])[i]
                               : float(static_cast<const Bf16*>(outputs_[id])[i]);
      if (!std::isfinite(value)) return model_.nodes[id].name;
    }
  }
  return "loss";
}

}  // namespace subbyte::twin
