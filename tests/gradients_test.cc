// Gradients of the integer network against the FP32 twin: the same weights, the same batch.
#include <gtest/gtest.h>

#include <cmath>

#include "network_support.h"
#ifdef SUBBYTE_WITH_FLOAT
#include "nn/float/register.h"
#endif

namespace subbyte {
namespace {

struct Agreement {
  double cosine = 0, ratio = 0;  ///< of |integer| to |twin|
};

Agreement agreement(const std::vector<float>& a, const std::vector<float>& twin) {
  double dot = 0, aa = 0, tt = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double(a[i]) * twin[i];
    aa += double(a[i]) * a[i];
    tt += double(twin[i]) * twin[i];
  }
  return {dot / std::sqrt(aa * tt), std::sqrt(aa / tt)};
}

struct Bars {
  const char* format;
  double cosine, ratio;
};

struct Case {
  const char* name;
  ModelSpec (*model)();
  Bars bars[2];
};

const Case kCases[] = {
    {"residual", residual_model, {{"w8a8g8", 0.9, 0.1}, {"w4a4g4", 0.5, 0.5}}},
    {"depthwise", depthwise_model, {{"w8a8g8", 0.9, 0.1}, {"w4a4g4", 0.5, 0.5}}},
    {"mlp", mlp_model, {{"w8a8g8", 0.9, 0.1}, {"w4a4g4", 0.5, 0.5}}},
    {"pooled", [] { return pooled_model(); }, {{"w8a8g8", 0.9, 0.1}, {"w4a4g4", 0.5, 0.5}}},
};

class Gradients : public testing::TestWithParam<std::tuple<Case, NormKind>> {};

TEST_P(Gradients, FollowTheTwinInDirectionAndLength) {
#ifndef SUBBYTE_WITH_FLOAT
  GTEST_SKIP() << "this build has no FP32 twin";
#else
  register_float_network();
  const auto& [test, norm] = GetParam();
  const ModelSpec model = test.model();
  const BarImages images(model, 48);
  const auto gradients = [&](const char* format) {
    const auto network = initialized_network(network_config(model, format, norm));
    // Scales and offsets away from 1 and 0, so that a forgotten one shows.
    for (Param& p : network->params())
      if (!p.is_weight)
        for (size_t i = 0; i < p.value.size(); ++i) p.value[i] += 0.1f * float(int(i % 5) - 2);
    network->train_step(images.batch, 0);
    return network->params();
  };
  const std::vector<Param> twin = gradients("fp32");
  for (const Bars& bars : test.bars) {
    const std::vector<Param> found = gradients(bars.format);
    ASSERT_EQ(found.size(), twin.size());
    for (size_t i = 0; i < twin.size(); ++i) {
      const Agreement a = agreement(found[i].grad, twin[i].grad);
      printf("MEASURE %s %s %s %s %.4f %.3f\n", test.name, norm_name(norm), bars.format, twin[i].name.c_str(), a.cosine, a.ratio);
      EXPECT_GT(a.cosine, bars.cosine) << bars.format << " " << twin[i].name;
      EXPECT_NEAR(a.ratio, 1, bars.ratio) << bars.format << " " << twin[i].name;
    }
  }
#endif
}

INSTANTIATE_TEST_SUITE_P(Models, Gradients,
                         testing::Combine(testing::ValuesIn(kCases), testing::Values(NormKind::l1, NormKind::l2)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" + norm_name(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace subbyte
