// Stochastic gradient descent on the FP32 master weights.
#pragma once
#include <vector>

#include "nn/network.h"

namespace subbyte {

struct OptimizerConfig {
  float momentum = 0.9f;
  bool nesterov = true;
  float weight_decay = 5e-4f;
  bool decay_all = false;  ///< also on norm scales and offsets and on biases
};

/// As torch.optim.SGD: d = g + decay w; v = momentum v + d; w -= lr (nesterov ? d + momentum v : v).
/// Elements are independent and in FP32 without fused operations: the same bits on every machine.
class Sgd {
 public:
  Sgd(const OptimizerConfig& config, const std::vector<Param>& params);

  /// Split over `threads` where there are some. Throws Error naming the first parameter where a value is no longer finite.
  void step(std::vector<Param>& params, float lr, ThreadPool* threads = nullptr);

  /// v of each parameter, in the order of the parameters.
  std::vector<std::vector<float>>& velocity() { return velocity_; }
  const std::vector<std::vector<float>>& velocity() const { return velocity_; }

 private:
  OptimizerConfig config_;
  std::vector<std::vector<float>> velocity_;
};

}  // namespace subbyte
