// Trains a model with every number of threads and instruction set and compares what is left, byte for byte.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "network_support.h"
#include "train/optimizer.h"

namespace subbyte {

/// Everything that training leaves, by name, as bytes.
using Snapshot = std::vector<std::pair<std::string, std::string>>;

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline Snapshot trained(const NetworkConfig& config, int batch, int steps) {
  const auto network = initialized_network(config);
  Sgd optimizer({}, network->params());
  Snapshot all;
  for (int step = 0; step < steps; ++step) {
    const BarImages images(config.model, batch, uint32_t(step * batch));
    const StepResult result = network->train_step(images.batch, uint64_t(step));
    all.emplace_back("loss " + std::to_string(step), bytes_of(std::vector<double>{result.loss}));
    optimizer.step(network->params(), 0.1f);
  }
  for (const Param& p : network->params()) {
    all.emplace_back(p.name, bytes_of(p.value));
    all.emplace_back("gradient of " + p.name, bytes_of(p.grad));
  }
  for (const State& s : network->states()) all.emplace_back(s.name, bytes_of(s.floats) + bytes_of(s.ints));
  const BarImages images(config.model, 7, 100000);
  std::vector<float> logits(size_t(7) * config.model.classes);
  network->evaluate(images.batch, logits.data());
  all.emplace_back("logits", bytes_of(logits));
  std::vector<float> unfolded(logits.size()), again(logits.size());
  network->set_folded(false);
  network->evaluate(images.batch, unfolded.data());
  all.emplace_back("unfolded logits", bytes_of(unfolded));
  network->set_folded(config.quant.norm_bits >= 8);
  network->evaluate(images.batch, again.data());
  EXPECT_EQ(again, logits);
  return all;
}

inline void expect_same(const Snapshot& found, const Snapshot& expected, const std::string& where) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].first, expected[i].first);
    EXPECT_TRUE(found[i].second == expected[i].second) << where << ": " << found[i].first << " differs";
  }
}

#ifdef SUBBYTE_EMULATED
inline constexpr bool emulated = true;
#else
inline constexpr bool emulated = false;
#endif

/// Every instruction set with 1, 2 and 3 threads; emulated, which is some twenty times slower, each set with a number of
/// threads of its own. The first is the specification: the scalar kernels on one thread.
inline std::vector<std::pair<Isa, int>> ways_to_run() {
  const std::vector<Isa> isas = supported_isas();
  std::vector<std::pair<Isa, int>> ways;
  for (size_t i = 0; i < isas.size(); ++i)
    for (const int threads : {1, 2, 3})
      if (!emulated || threads == int(i % 3) + 1) ways.emplace_back(isas[i], threads);
  return ways;
}

inline void expect_exact(const ModelSpec& model, const std::string& format, NormKind norm, int batch, int steps,
                         const std::vector<std::pair<Isa, int>>& ways = ways_to_run()) {
  NetworkConfig config = network_config(model, format, norm);
  Snapshot expected;
  for (const auto& [isa, threads] : ways) {
    const ForcedIsa forced(isa);
    config.threads = threads;
    const Snapshot found = trained(config, batch, steps);
    if (expected.empty()) expected = found;
    expect_same(found, expected, format + " " + isa_name(isa) + " " + std::to_string(threads) + " threads");
    if (testing::Test::HasFailure()) return;
  }
  config.threads = 1;
  config.seed += 1;
  EXPECT_NE(trained(config, batch, steps), expected);
}

}  // namespace subbyte
