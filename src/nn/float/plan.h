// A model laid out for one batch size: every tensor has its memory, every node its primitives.
#pragma once
#include <string>

#include "nn/float/op.h"

namespace subbyte::twin {

/// What a plan reads and updates in the network that owns it; both outlive it and keep their addresses.
struct PlanSource {
  const NetworkConfig& config;
  std::vector<Param>& params;
  std::vector<State>& states;  ///< per norm in model order: running mean, running deviation
};

class Plan {
 public:
  Plan(const PlanSource& source, const OpContext& context);

  /// Normalizes bytes [count][h][w][c] and computes the logits.
  void forward(const uint8_t* pixels);
  /// From logit_gradient() to the gradients of all parameters. Only in a training plan.
  void backward();

  const float* logits() const { return static_cast<const float*>(outputs_.back()); }
  float* logit_gradient() { return logit_gradient_.data(); }

  /// Name of the first node whose output holds a NaN or an infinity; "loss" if there is none.
  /// Only in a training plan, before backward.
  std::string first_not_finite() const;

 private:
  struct Step {
    std::unique_ptr<Op> op;          // null for flatten
    std::vector<const void*> extra;  // gradients to be added to `gradient` before backward
    void* gradient = nullptr;
    int64_t elements = 0;
  };

  template <class T>
  void load(const uint8_t* pixels);

  const ModelSpec& model_;
  OpContext context_;
  Arena arena_;
  std::vector<Arena::Handle> kept_;
  std::vector<void*> outputs_;  // per node
  std::vector<Step> steps_;     // per node but the input
  std::vector<float> table_;    // normalized value of every byte, [c][256]
  std::vector<float> logit_gradient_;
  void* logit_gradient_typed_ = nullptr;
};

}  // namespace subbyte::twin
