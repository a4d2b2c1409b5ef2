// Gradients of all node kinds against central differences of the loss.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "nn/float/test_support.h"

namespace subbyte {
namespace {

struct Case {
  std::string name;
  std::function<int(SpecBuilder&)> body;  // returns the node that is pooled and classified
};

ModelSpec build(const Case& test) {
  SpecBuilder builder(test.name, {9, 8, 3}, 4);
  int x = test.body(builder);
  x = builder.global_avg_pool("global", x);
  x = builder.flatten("flatten", x);
  builder.linear("fc", x, 4, true);
  return builder.finish();
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"conv",
       [](SpecBuilder& b) {
         int x = b.conv("first", 0, 18, 3, 2, 1);
         x = b.conv("point", x, 5, 1, 1, 0);
         return b.conv("valid", x, 7, 2, 2, 0);
       }},
      {"point_stride",
       [](SpecBuilder& b) { return b.conv("shortcut", b.conv("first", 0, 16, 5, 1, 2), 16, 1, 2, 0); }},
      {"depthwise",
       [](SpecBuilder& b) {
         int x = b.conv("first", 0, 19, 3, 1, 1);
         x = b.depthwise("depthwise1", x, 3, 1, 1);
         return b.depthwise("depthwise2", x, 3, 2, 0);
       }},
      {"norm",
       [](SpecBuilder& b) {
         int x = b.norm_act("bn1", b.conv("first", 0, 19, 3, 1, 1), true);
         return b.conv("second", b.norm_act("bn2", b.conv("conv", x, 16, 3, 1, 1), false), 6, 1, 1, 0);
       }},
      {"residual",
       [](SpecBuilder& b) {
         const int x = b.norm_act("bn1", b.conv("first", 0, 17, 3, 1, 1), true);
         const int y = b.norm_act("bn2", b.conv("second", x, 17, 3, 1, 1), true, x);
         const int z = b.norm_act("bn3", b.conv("third", y, 17, 3, 1, 1), false, x);  // x is read three times
         return b.conv("last", z, 8, 3, 1, 1);
       }},
      {"projection",
       [](SpecBuilder& b) {
         const int x = b.norm_act("bn1", b.conv("first", 0, 16, 3, 1, 1), true);
         const int shortcut = b.norm_act("shortcut.1", b.conv("shortcut.0", x, 20, 1, 2, 0), false);
         const int y = b.norm_act("bn2", b.conv("second", x, 20, 3, 2, 1), true, shortcut);
         return b.conv("last", y, 8, 3, 1, 1);
       }},
      {"norm_of_norm",
       [](SpecBuilder& b) {
         const int x = b.norm_act("bn1", b.conv("first", 0, 16, 3, 1, 1), true);
         const int y = b.norm_act("bn2", x, true, x);
         return b.conv("last", b.norm_act("bn3", y, true), 8, 3, 1, 1);
       }},
      {"max_pool",
       [](SpecBuilder& b) {
         int x = b.max_pool("overlapping", b.conv("first", 0, 17, 3, 1, 1), 3, 2, 1);
         return b.max_pool("disjoint", b.conv("second", x, 9, 1, 1, 0), 2, 2, 0);
       }},
      {"avg_pool",
       [](SpecBuilder& b) {
         int x = b.avg_pool("overlapping", b.conv("first", 0, 17, 3, 1, 1), 3, 2);
         return b.avg_pool("disjoint", b.conv("second", x, 9, 1, 1, 0), 2, 2);
       }},
      {"linear",
       [](SpecBuilder& b) {
         int x = b.flatten("flat", b.conv("first", 0, 4, 3, 2, 1));
         x = b.norm_act("bn1", b.linear("fc1", x, 21, false), true);
         return b.linear("fc2", x, 6, true);
       }},
  };
  return all;
}

double loss_along(Network& network, Param& param, const std::vector<float>& value, const std::vector<double>& direction,
                  double h, const Batch& batch) {
  for (size_t i = 0; i < value.size(); ++i) param.value[i] = float(value[i] + h * direction[i]);
  const double loss = network.train_step(batch, 0).loss;
  param.value = value;
  return loss;
}

class Gradient : public testing::TestWithParam<std::tuple<size_t, NormKind>> {};

TEST_P(Gradient, IsTheSlopeOfTheLoss) {
  const Case& test = cases()[std::get<0>(GetParam())];
  const ModelSpec model = build(test);
  const auto network = make_float_network(test_config(model, std::get<1>(GetParam())));
  // Scales and offsets away from their initial values, so that a wrong factor shows.
  for (Param& each : network->params())
    if (!each.is_weight)
      for (size_t i = 0; i < each.value.size(); ++i) each.value[i] += 0.3f * float(int(i % 5) - 2);
  const RandomBatch data(model, 6);
  network->train_step(data.batch, 0);
  std::vector<std::vector<float>> gradients;
  for (const Param& each : network->params()) gradients.push_back(each.grad);

  // FP32 logits leave a noise of a few 2^-24 in the loss; the step divides it by 2^-10, to some 1e-4. The curvature's
  // share and that of the few elements that cross a kink of ReLU, |x| or max stay below 1 % of the slope.
  const double h = 0x1p-11, noise = 3e-4;
  for (size_t p = 0; p < gradients.size(); ++p) {
    Param& each = network->params()[p];
    const std::vector<float> value = each.value;
    double norm = 0;
    for (const float g : gradients[p]) norm += double(g) * g;
    norm = std::sqrt(norm);
    for (int trial = 0; trial < 3; ++trial) {
      // Along the gradient, and along random signs: an error orthogonal to the one shows in the other.
      std::vector<double> direction;
      double expected = 0;
      for (size_t i = 0; i < value.size(); ++i) {
        const bool up = random_words(9, RandomUse::shuffle, uint32_t(trial), uint32_t(p), uint32_t(i))[0] & 1;
        direction.push_back(trial == 0 && norm > 0 ? gradients[p][i] / norm
                                                   : (up ? 1 : -1) / std::sqrt(double(value.size())));
        expected += direction[i] * gradients[p][i];
      }
      const double found = (loss_along(*network, each, value, direction, h, data.batch) -
                            loss_along(*network, each, value, direction, -h, data.batch)) / (2 * h);
      EXPECT_NEAR(found, expected, noise + 0.01 * norm) << test.name << " " << each.name << " |g| " << norm;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Nodes, Gradient,
                         testing::Combine(testing::Range(size_t(0), size_t(10)),
                                          testing::Values(NormKind::l1, NormKind::l2)),
                         [](const auto& info) {
                           return cases()[std::get<0>(info.param)].name + "_" +
                                  (std::get<1>(info.param) == NormKind::l1 ? "l1" : "l2");
                         });

}  // namespace
}  // namespace subbyte
