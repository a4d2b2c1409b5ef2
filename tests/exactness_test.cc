// The same bits for any number of threads and every instruction set.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "network_support.h"
#include "train/optimizer.h"

namespace subbyte {
namespace {

/// Everything that training leaves, by name, as bytes.
using Snapshot = std::vector<std::pair<std::string, std::string>>;

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Snapshot trained(const NetworkConfig& config, int batch, int steps) {
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
  return all;
}

void expect_same(const Snapshot& found, const Snapshot& expected, const std::string& where) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].first, expected[i].first);
    EXPECT_TRUE(found[i].second == expected[i].second) << where << ": " << found[i].first << " differs";
  }
}

void expect_exact(const ModelSpec& model, const std::string& format, NormKind norm, int batch, int steps) {
  NetworkConfig config = network_config(model, format, norm);
  Snapshot expected;
  for (const Isa isa : supported_isas())
    for (const int threads : {1, 2, 3}) {
      const ForcedIsa forced(isa);
      config.threads = threads;
      const Snapshot found = trained(config, batch, steps);
      if (expected.empty()) expected = found;  // the scalar kernels on one thread: the specification
      expect_same(found, expected, format + " " + isa_name(isa) + " " + std::to_string(threads) + " threads");
      if (testing::Test::HasFailure()) return;
    }
  config.threads = 1;
  config.seed += 1;
  EXPECT_NE(trained(config, batch, steps), expected);
}

class Exactness : public testing::TestWithParam<const char*> {};

TEST_P(Exactness, OfAPooledConvolutionNet) { expect_exact(pooled_model(), GetParam(), NormKind::l1, 12, 6); }
TEST_P(Exactness, OfADepthwiseNetWithL2) { expect_exact(depthwise_model(), GetParam(), NormKind::l2, 12, 6); }
TEST_P(Exactness, OfANetOfWideLayers) { expect_exact(wide_model(), GetParam(), NormKind::l1, 6, 3); }
TEST_P(Exactness, OfResnet20) { expect_exact(make_model("resnet20", {9, 11, 3}, 10), GetParam(), NormKind::l1, 5, 2); }

INSTANTIATE_TEST_SUITE_P(Formats, Exactness, testing::Values("w4a4g4", "w8a8g8", "w4a4g8", "w2a3g5"),
                         [](const auto& info) { return std::string(info.param); });

/// Narrow norms, clipping, one group everywhere or as many as there are: other paths of the same layers.
TEST(Exactness, OfOtherQuantizers) {
  NetworkConfig narrow = network_config(residual_model(), "w4a4g4");
  narrow.quant.norm_bits = 5;
  narrow.quant.norm_grad_bits = 6;
  narrow.quant.clip_a = 3;
  narrow.quant.clip_w = 2;
  NetworkConfig plain = network_config(residual_model(), "w6a6g6");
  plain.quant.groups_w = plain.quant.groups_a = plain.quant.groups_g = plain.quant.sample_groups = 1;
  NetworkConfig many = network_config(residual_model(), "w8a8g8");
  many.quant.groups_w = many.quant.groups_a = many.quant.groups_g = 8;
  many.quant.sample_groups = 16;
  for (NetworkConfig config : {narrow, plain, many}) {
    Snapshot expected;
    for (const Isa isa : supported_isas())
      for (const int threads : {1, 3}) {
        const ForcedIsa forced(isa);
        config.threads = threads;
        const Snapshot found = trained(config, 12, 4);
        if (expected.empty()) expected = found;
        const std::string where = config.format.name() + " " + isa_name(isa);
        expect_same(found, expected, where + " " + std::to_string(threads) + " threads");
      }
  }
}

}  // namespace
}  // namespace subbyte
