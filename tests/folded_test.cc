// Evaluation with folded normalizations: the same function but for the codes of the normalizations' inputs.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "network_support.h"
#include "train/folded.h"
#include "train/optimizer.h"

namespace subbyte {
namespace {

constexpr int kTrain = 64, kTest = 200;

/// Records of BarImages in a fixed order.
class Bars : public EvalSource {
 public:
  explicit Bars(const ModelSpec& model) : images_(model, kTest, 5000), image_(model.input_shape().elements()) {}
  int64_t size() const override { return kTest; }
  Batch get(int64_t begin, int count) override {
    return {count, images_.pixels.data() + begin * image_, images_.labels.data() + begin};
  }

 private:
  BarImages images_;
  int64_t image_;
};

std::unique_ptr<Network> trained_network(const NetworkConfig& config, int steps) {
  auto network = initialized_network(config);
  Sgd optimizer({}, network->params());
  for (int step = 0; step < steps; ++step) {
    const BarImages images(config.model, kTrain, uint32_t(step % 8 * kTrain));
    network->train_step(images.batch, uint64_t(step));
    optimizer.step(network->params(), 0.05f);
  }
  return network;
}

using Case = std::tuple<const char*, ModelSpec (*)()>;
class Folded : public testing::TestWithParam<Case> {};

TEST_P(Folded, PredictsAsTheNetworkWithItsNormalizations) {
  const auto& [format, model] = GetParam();
  NetworkConfig config = network_config(model(), format);
  const auto network = trained_network(config, 40);
  Bars test(config.model);
  const FoldedComparison both = compare_folded(*network, test, 64);
  EXPECT_EQ(both.folded.count, kTest);
  EXPECT_GT(both.unfolded.accuracy, 0.8);
  EXPECT_GE(both.folded.accuracy, both.unfolded.accuracy - 0.03);
  EXPECT_GE(both.same, kTest * 95 / 100);
  EXPECT_NE(both.folded.loss, both.unfolded.loss);  // no code of a normalization has a part in it
  EXPECT_EQ(evaluate(*network, test, 50).accuracy, both.folded.accuracy);
  EXPECT_EQ(evaluate(*trained_network(config, 40), test, 50).loss, evaluate(*network, test, 50).loss);  // the default
}

TEST_P(Folded, AnImagesResultDoesNotDependOnItsBatch) {
  const auto& [format, model] = GetParam();
  NetworkConfig config = network_config(model(), format);
  config.threads = 2;
  const auto network = trained_network(config, 3);
  network->set_folded(true);
  const BarImages images(config.model, 9);
  std::vector<float> together(size_t(9) * 4), one(4);
  network->evaluate(images.batch, together.data());
  const int image = config.model.input_shape().elements();
  for (int i = 0; i < 9; ++i) {
    network->evaluate({1, images.pixels.data() + i * image, images.labels.data() + i}, one.data());
    for (int c = 0; c < 4; ++c) EXPECT_EQ(one[size_t(c)], together[size_t(i * 4 + c)]) << "image " << i;
  }
}

/// The comparison sees a difference where there is one: at 2 bits the codes are a large part of the function.
TEST(FoldedComparison, FindsWhatCoarseCodesOfNormalizationsDecide) {
  NetworkConfig config = network_config(residual_model(), "w4a4g4");
  config.quant.norm_bits = 2;
  const auto network = trained_network(config, 10);
  Bars test(config.model);
  EXPECT_LT(compare_folded(*network, test, 64).same, kTest);
}

ModelSpec pooled() { return pooled_model(); }

INSTANTIATE_TEST_SUITE_P(Models, Folded,
                         testing::Combine(testing::Values("w4a4g4", "w8a8g8"),
                                          testing::Values(residual_model, depthwise_model, pooled, mlp_model)),
                         [](const auto& info) {
                           const ModelSpec model = std::get<1>(info.param)();
                           return model.name + "_" + std::get<0>(info.param);
                         });

}  // namespace
}  // namespace subbyte
