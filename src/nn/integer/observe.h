// A product layer's tensors as views for a StepObserver. Only this file reads codes and scales for it.
#pragma once
#include "nn/integer/gradient.h"
#include "nn/integer/weights.h"
#include "nn/observer.h"

namespace subbyte {

/// Of node `id`'s forward pass; nothing where nobody observes, or in evaluation.
void observe_operands(const Context&, int id, const Param& weight, const WeightCodes&);

/// Of the gradient of node `id`'s output, [images] of `shape`, as `plan` quantizes it.
void observe_gradient(const Context&, int id, const Stream& dy, Shape shape, const GradientPlan&,
                      const WeightCodes&, const Format&, int groups);

/// Views of what a product computes with; they refer to their arguments.
CodesView view_codes(const Context&, const Value& activations);
CodesView view_codes(const WeightCodes&);
/// As the step rounds `dy` for `use`.
CodesView view_codes(const Context&, int id, const Stream& dy, const GradientPlan&, const Format&, int groups, RandomUse use);
ProductView view_product(const Context&, int id, const ProductShape&);

}  // namespace subbyte
