#include "nn/macs.h"

#include <gtest/gtest.h>

namespace subbyte {
namespace {

TEST(Macs, Resnet20) {
  const ModelSpec model = make_model("resnet20", {32, 32, 3}, 10);
  const Macs macs = model_macs(model);
  // The published 40.55 M are without the two projections of 131,072.
  EXPECT_EQ(macs.forward, 40551040 + 2 * 131072);
  EXPECT_EQ(macs.backward_weights, macs.forward);
  EXPECT_EQ(macs.backward_data, macs.forward - 32 * 32 * 9 * 3 * 16);
  EXPECT_EQ(macs.total(), 3 * macs.forward - 442368);
}

TEST(Macs, Resnet18AtImageNetSize) {
  EXPECT_EQ(model_macs(make_model("resnet18", {224, 224, 3}, 1000)).forward, 1814073344);
}

TEST(Macs, OfEveryKindOfNode) {
  SpecBuilder b("model", {8, 6, 4}, 3);
  const int conv = b.conv("conv", 0, 16, 3, 2, 1);
  const int norm = b.norm_act("norm", conv, true);
  const int deep = b.depthwise("deep", norm, 3, 1, 1);
  const int flat = b.flatten("flat", deep);
  const int linear = b.linear("fc", flat, 3, true);
  const ModelSpec model = b.finish();
  EXPECT_EQ(node_macs(model, conv).forward, 4 * 3 * 16 * 9 * 4);
  EXPECT_EQ(node_macs(model, conv).backward_data, 0);
  EXPECT_EQ(node_macs(model, norm).total(), 0);
  EXPECT_EQ(node_macs(model, deep).forward, 4 * 3 * 16 * 9);
  EXPECT_EQ(node_macs(model, flat).total(), 0);
  EXPECT_EQ(node_macs(model, linear).total(), 3 * 4 * 3 * 16 * 3);
}

TEST(Macs, ALinearOnTheFlattenedInputNeedsNoInputGradient) {
  const ModelSpec model = make_model("mlp", {8, 8, 1}, 10);
  EXPECT_EQ(model_macs(model).forward - model_macs(model).backward_data, 64 * 512);
}

}  // namespace
}  // namespace subbyte
