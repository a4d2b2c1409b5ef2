#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "nn/network.h"
#include "nn/portable_math.h"

namespace subbyte {
namespace {

std::vector<Param> small_params() {
  SpecBuilder builder("test", {8, 8, 3}, 10);
  int x = builder.conv("conv1", 0, 64, 3, 1, 1);
  x = builder.norm_act("bn1", x, true);
  x = builder.depthwise("conv2", x, 3, 2, 1);
  x = builder.flatten("flatten", x);
  x = builder.linear("fc1", x, 100, false);
  builder.linear("fc", x, 10, true);
  return make_params(builder.finish());
}

TEST(Params, NamesAndShapes) {
  const std::vector<Param> params = small_params();
  const std::vector<std::string> names = {"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight",
                                          "fc1.weight",   "fc.weight",  "fc.bias"};
  const std::vector<std::vector<int64_t>> shapes = {{64, 3, 3, 3}, {64},      {64}, {64, 3, 3, 1},
                                                    {100, 1024},   {10, 100}, {10}};
  const std::vector<bool> weights = {true, false, false, true, true, true, false};
  ASSERT_EQ(params.size(), names.size());
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_EQ(params[i].name, names[i]);
    EXPECT_EQ(params[i].shape, shapes[i]);
    EXPECT_EQ(params[i].is_weight, weights[i]);
    EXPECT_EQ(params[i].value.size(), params[i].grad.size());
  }
  EXPECT_EQ(params[0].fan_in, 27);
  EXPECT_EQ(params[3].fan_in, 9);
  EXPECT_EQ(params[4].fan_in, 1024);
}

TEST(Params, ResNet20HasThePublishedCount) {
  int64_t total = 0;
  for (const Param& param : make_params(make_model("resnet20", {32, 32, 3}, 10))) total += int64_t(param.value.size());
  // 269722 of the network without projections (option A of the paper), and the projections with their norms.
  EXPECT_EQ(total, 269722 + (16 * 32 + 64) + (32 * 64 + 128));
}

TEST(Initialize, IsHeNormal) {
  std::vector<Param> params = small_params();
  initialize(params, 7);
  const Param& weight = params[4];
  const double expected = std::sqrt(2.0 / 1024), n = double(weight.value.size());
  double mean = 0, square = 0, fourth = 0;
  for (const float value : weight.value) {
    const double x = value / expected;
    mean += x / n;
    square += x * x / n;
    fourth += x * x * x * x / n;
  }
  // Five standard errors of the mean, the variance and the fourth moment of n standard normals.
  EXPECT_LT(std::abs(mean), 5 / std::sqrt(n));
  EXPECT_LT(std::abs(square - 1), 5 * std::sqrt(2 / n));
  EXPECT_LT(std::abs(fourth - 3), 5 * std::sqrt(96 / n));
  double classifier = 0;
  for (const float value : params[5].value) classifier += double(value) * value / 1000;
  EXPECT_NEAR(classifier, 0.01, 0.01 * 5 * std::sqrt(2 / 1000.0));
  EXPECT_EQ(params[1].value[3], 1.0f);
  EXPECT_EQ(params[2].value[3], 0.0f);
  EXPECT_EQ(params[6].value[3], 0.0f);
}

TEST(Initialize, DependsOnTheSeedAlone) {
  std::vector<Param> first = small_params(), second = small_params(), other = small_params();
  initialize(first, 1);
  initialize(second, 1);
  initialize(other, 2);
  EXPECT_EQ(first[0].value, second[0].value);
  EXPECT_NE(first[0].value, other[0].value);
  EXPECT_NE(std::vector<float>(first[0].value.begin(), first[0].value.begin() + 100),
            std::vector<float>(first[4].value.begin(), first[4].value.begin() + 100));
}

TEST(PortableMath, AgreesWithTheLibrary) {
  for (int i = 0; i <= 20000; ++i) {
    const double x = -i * 0.03;
    EXPECT_NEAR(portable_exp(x) / std::exp(x), 1.0, 4e-16 * (1 + 1e-2 * -x)) << x;
    const double y = 1.0 + i * 0.1 + i * 1e-7;
    EXPECT_NEAR(portable_log(y), std::log(y), 4e-16 * (1 + std::log(y))) << y;
    const double u = i / 20001.0;
    EXPECT_NEAR(portable_cos_turn(u), std::cos(2 * std::numbers::pi * u), 1e-15) << u;
  }
  EXPECT_EQ(portable_exp(0), 1.0);
  EXPECT_EQ(portable_exp(-1000), 0.0);
  EXPECT_EQ(portable_log(1), 0.0);
}

}  // namespace
}  // namespace subbyte
