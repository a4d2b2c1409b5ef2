// A product layer's tensors as views for a StepObserver. Only this file reads codes and scales for it.
#pragma once
#include "nn/integer/gradient.h"
#include "nn/integer/weights.h"

namespace subbyte {

/// Of node `id`'s forward pass; nothing where nobody observes, or in evaluation.
void observe_operands(const Context&, int id, const Param& weight, const WeightCodes&);

/// Of the gradient of node `id`'s output, [images] of `shape`, as `plan` quantizes it.
void observe_gradient(const Context&, int id, const Stream& dy, Shape shape, const GradientPlan&,
                      const WeightCodes&, const Format&, int groups);

}  // namespace subbyte
