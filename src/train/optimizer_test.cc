#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "base/error.h"
#include "base/threads.h"

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

TEST(Sgd, ThreadsDoNotChangeABit) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<Param> alone;
  for (int64_t size : {1, 5000, 3, 4096, 20001}) {
    Param p{"p" + std::to_string(size), {size}, {}, {}, size > 4, 1};
    for (int64_t i = 0; i < size; ++i) p.value.push_back(normal(random)), p.grad.push_back(normal(random));
    alone.push_back(p);
  }
  std::vector<Param> shared = alone;
  Sgd a({}, alone), b({}, shared);
  ThreadPool threads(3);
  for (int step = 0; step < 3; ++step) {
    a.step(alone, 0.1f);
    b.step(shared, 0.1f, &threads);
  }
  EXPECT_EQ(a.velocity(), b.velocity());
  for (size_t p = 0; p < alone.size(); ++p) {
    EXPECT_EQ(alone[p].value, shared[p].value);
    EXPECT_NE(alone[p].value.back(), 0.0f);
  }
  shared[2].grad[1] = shared[4].grad[20000] = std::numeric_limits<float>::quiet_NaN();  // the first one is named
  try {
    b.step(shared, 0.1f, &threads);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "parameter 'p3' is no longer finite");
  }
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
