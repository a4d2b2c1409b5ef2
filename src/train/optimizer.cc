#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"

namespace subbyte {

Sgd::Sgd(const OptimizerConfig& config, const std::vector<Param>& params) : config_(config) {
  for (const Param& param : params) velocity_.emplace_back(param.value.size(), 0.0f);
}

void Sgd::step(std::vector<Param>& params, float lr) {
  const float momentum = config_.momentum;
  for (size_t p = 0; p < params.size(); ++p) {
    Param& param = params[p];
    std::vector<float>& velocity = velocity_[p];
    const float decay = param.is_weight || config_.decay_all ? config_.weight_decay : 0.0f;
    float poison = 0;  // 0 * x is 0 for finite x, else NaN: one check for the whole tensor
    for (size_t i = 0; i < param.value.size(); ++i) {
      const float d = param.grad[i] + decay * param.value[i];
      const float v = momentum * velocity[i] + d;
      velocity[i] = v;
      param.value[i] -= lr * (config_.nesterov ? d + momentum * v : v);
      poison += 0.0f * v + 0.0f * param.value[i];
    }
    if (!std::isfinite(poison)) throw Error("parameter '" + param.name + "' is no longer finite");
  }
}

}  // namespace subbyte
