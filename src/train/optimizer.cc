#include "train/optimizer.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/error.h"
#include "base/threads.h"

namespace subbyte {
namespace {

/// Elements of a part: whole cache lines, and few enough parts that small tensors do not wake threads for nothing.
constexpr int64_t part = 4096;

/// All ones in the exponent: infinite or not a number. In integers, so that the loop below stays a vector loop.
inline uint32_t not_finite(float v) {
  constexpr uint32_t exponent = 0x7F800000;
  return (std::bit_cast<uint32_t>(v) & exponent) == exponent;
}

struct Slope {
  float lr, momentum, decay;
};

/// Whether all n values and velocities stay finite.
template <bool nesterov>
bool descend(const Slope& s, int64_t n, const float* __restrict grad, float* __restrict value, float* __restrict velocity) {
  const float lr = s.lr, momentum = s.momentum, decay = s.decay;
  uint32_t bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float d = grad[i] + decay * value[i];
    const float v = momentum * velocity[i] + d;
    const float w = value[i] - lr * (nesterov ? d + momentum * v : v);
    velocity[i] = v;
    value[i] = w;
    bad |= not_finite(v) | not_finite(w);
  }
  return !bad;
}

}  // namespace

Sgd::Sgd(const OptimizerConfig& config, const std::vector<Param>& params) : config_(config) {
  for (const Param& param : params) velocity_.emplace_back(param.value.size(), 0.0f);
}

void Sgd::step(std::vector<Param>& params, float lr, ThreadPool* threads) {
  int64_t total = 0;
  for (const Param& param : params) total += int64_t(param.value.size());
  // The parameters' elements one after the other, cut into parts; per thread the first parameter that is not finite.
  std::vector<size_t> first_bad(threads ? threads->size() : 1, params.size());
  const auto run = [&](int thread, int begin, int end) {
    int64_t start = 0;
    for (size_t p = 0; p < params.size(); ++p) {
      Param& param = params[p];
      const int64_t size = int64_t(param.value.size());
      const int64_t from = std::max(begin * part - start, int64_t{0}), to = std::min(end * part - start, size);
      start += size;
      if (from >= to) continue;
      const Slope slope{lr, config_.momentum, param.is_weight || config_.decay_all ? config_.weight_decay : 0.0f};
      const auto loop = config_.nesterov ? descend<true> : descend<false>;
      if (!loop(slope, to - from, param.grad.data() + from, param.value.data() + from, velocity_[p].data() + from))
        first_bad[thread] = std::min(first_bad[thread], p);
    }
  };
  const int parts = int((total + part - 1) / part);
  if (threads && parts > 1) threads->run(parts, run);
  else run(0, 0, parts);
  const size_t bad = *std::min_element(first_bad.begin(), first_bad.end());
  if (bad < params.size()) throw Error("parameter '" + params[bad].name + "' is no longer finite");
}

}  // namespace subbyte
