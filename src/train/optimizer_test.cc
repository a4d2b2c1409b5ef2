#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace subbyte {
namespace {

std::vector<Param> one_weight_and_one_bias() {
  return {{"w", {1}, {2.0f}, {0.0f}, true, 1}, {"b", {1}, {2.0f}, {0.0f}, false, 1}};
}

TEST(Sgd, HandComputedNesterovWithDecay) {
  std::vector<Param> params = one_weight_and_one_bias();
  Sgd sgd({0.5f, true, 0.25f, false}, params);
  params[0].grad = {1.0f};
  params[1].grad = {1.0f};
  sgd.step(params, 0.5f);
  // w: d = 1 + 0.25 * 2 = 1.5, v = 1.5, w -= 0.5 * (1.5 + 0.75);  b: d = 1, v = 1, b -= 0.5 * 1.5
  EXPECT_EQ(params[0].value[0], 0.875f);
  EXPECT_EQ(params[1].value[0], 1.25f);
  EXPECT_EQ(sgd.velocity()[0][0], 1.5f);
  params[0].grad = {-1.0f};
  params[1].grad = {0.0f};
  sgd.step(params, 1.0f);
  // w: d = -1 + 0.21875 = -0.78125, v = 0.75 - 0.78125 = -0.03125, w -= -0.78125 - 0.015625
  EXPECT_EQ(sgd.velocity()[0][0], -0.03125f);
  EXPECT_EQ(params[0].value[0], 0.875f + 0.796875f);
  EXPECT_EQ(params[1].value[0], 1.25f - 0.25f);
}

TEST(Sgd, PlainMomentumAndDecayOnAll) {
  std::vector<Param> params = one_weight_and_one_bias();
  Sgd sgd({0.5f, false, 0.5f, true}, params);
  params[0].grad = params[1].grad = {1.0f};
  sgd.step(params, 0.25f);
  for (const Param& param : params) EXPECT_EQ(param.value[0], 2.0f - 0.25f * 2.0f);
  sgd.step(params, 0.25f);
  // d = 1 + 0.5 * 1.5 = 1.75, v = 0.5 * 2 + 1.75
  for (const Param& param : params) EXPECT_EQ(param.value[0], 1.5f - 0.25f * 2.75f);
}

TEST(Sgd, NamesTheParameterThatOverflows) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 3e38f}) {
    std::vector<Param> params = one_weight_and_one_bias();
    Sgd sgd({0.9f, true, 0, false}, params);
    params[1].grad = {bad};
    try {
      sgd.step(params, 2.0f);
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "parameter 'b' is no longer finite");
    }
  }
}

}  // namespace
}  // namespace subbyte
