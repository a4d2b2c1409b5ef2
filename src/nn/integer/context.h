// What every layer of the integer network needs while it runs.
#pragma once
#include <cstdint>
#include <vector>

#include "base/threads.h"
#include "kernels/conv/conv.h"
#include "kernels/norm/norm.h"
#include "kernels/norm_codes/norm_codes.h"
#include "kernels/quantize/quantize.h"
#include "nn/integer/scratch_sizes.h"
#include "nn/integer/stream.h"
#include "nn/network.h"
#include "nn/profile.h"

namespace subbyte {

class StepObserver;
struct GradientOperands;
struct PackedWeights;
struct ThreadScratch;

struct Context {
  explicit Context(const NetworkConfig& c);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  NetworkConfig config;
  ThreadPool pool;
  Isa isa;
  const ConvKernels& conv;
  const NormKernels& norm;
  const NormCodeKernels& norm_codes;
  const QuantizeKernels& quantize;
  StepMemory memory;
  std::vector<std::unique_ptr<ThreadScratch>> scratch;  ///< by thread: operands.h
  std::unique_ptr<GradientOperands> batch_operands;     ///< of all images, for layers of many weights
  std::unique_ptr<PackedWeights> packed;                ///< of the product that runs: forward, then backward-data
  std::vector<Value> values;  ///< by node id
  std::vector<State> states;  ///< reserved before layers are made: pointers into it stay valid
  int images = 0;             ///< of the current batch
  bool training = false;
  bool folded;                ///< evaluation without the normalizations' codes
  bool first_batch = true;    ///< no running statistics yet
  uint64_t step = 0;
  Profile* profile = nullptr;
  StepObserver* observer = nullptr;

  /// Layers run without computing, to record what they take of `memory`.
  bool planning() const { return memory.recording(); }
  /// Makes every buffer that layers share as large as it must be, so that none grows during a step.
  void reserve(const ScratchSizes&);

  State* add_state(std::string name, std::vector<int64_t> shape) {
    states.push_back({std::move(name), std::move(shape), {}, {}});
    return &states.back();
  }
  RandomStream random_stream(RandomUse use, uint32_t tensor, uint32_t first_counter) const {
    return {{uint32_t(config.seed), uint32_t(config.seed >> 32)}, first_counter, tensor, uint32_t(step), uint32_t(use)};
  }
  /// running = (1 - momentum) running + momentum value; the first batch sets it.
  float running(float old, double value) const {
    if (first_batch) return float(value);
    const float m = config.norm_momentum;
    return (1.0f - m) * old + m * float(value);
  }
};

/// Per-thread sums of one kind, added up in thread order (integers: any order gives the same).
template <class T>
class PerThread {
 public:
  PerThread(int threads, size_t count, T start = T{}) : count_(count), data_(size_t(threads) * stride(), start) {}
  T* at(int thread) { return data_.data() + size_t(thread) * stride(); }
  template <class Op>
  std::vector<T> fold(int threads, Op op) {
    std::vector<T> out(at(0), at(0) + count_);
    for (int t = 1; t < threads; ++t)
      for (size_t i = 0; i < count_; ++i) out[i] = op(out[i], at(t)[i]);
    return out;
  }
  std::vector<T> sum(int threads) {
    return fold(threads, [](T a, T b) { return T(a + b); });
  }
  std::vector<T> max(int threads) {
    return fold(threads, [](T a, T b) { return a > b ? a : b; });
  }
  std::vector<T> min(int threads) {
    return fold(threads, [](T a, T b) { return a < b ? a : b; });
  }

 private:
  size_t stride() const { return count_ + 64 / sizeof(T); }  // threads' sums never share a cache line
  size_t count_;
  std::vector<T> data_;
};

}  // namespace subbyte
