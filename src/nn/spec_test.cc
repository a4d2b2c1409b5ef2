#include "nn/spec.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace subbyte {
namespace {

template <class F>
std::string usage_error(const F& run) {
  try {
    run();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

int count(const ModelSpec& model, NodeKind kind) {
  int found = 0;
  for (const Node& node : model.nodes) found += node.kind == kind;
  return found;
}

const Node& node(const ModelSpec& model, const std::string& name) {
  for (const Node& each : model.nodes)
    if (each.name == name) return each;
  throw Error("no node " + name);
}

TEST(SpecBuilder, ComputesShapes) {
  SpecBuilder builder("test", {9, 12, 3}, 4);
  const int conv = builder.conv("conv", 0, 8, 3, 2, 1);
  EXPECT_EQ(builder.shape(conv), (Shape{5, 6, 8}));
  const int depthwise = builder.depthwise("depthwise", conv, 3, 1, 0);
  EXPECT_EQ(builder.shape(depthwise), (Shape{3, 4, 8}));
  const int pool = builder.max_pool("max", depthwise, 3, 2, 1);
  EXPECT_EQ(builder.shape(pool), (Shape{2, 2, 8}));
  EXPECT_EQ(builder.shape(builder.avg_pool("avg", depthwise, 2, 1)), (Shape{2, 3, 8}));
  EXPECT_EQ(builder.shape(builder.global_avg_pool("global", depthwise)), (Shape{1, 1, 8}));
  EXPECT_EQ(builder.shape(builder.flatten("flatten", pool)), (Shape{1, 1, 32}));
}

TEST(SpecBuilder, NamesWhatDoesNotFit) {
  SpecBuilder builder("test", {4, 4, 3}, 4);
  EXPECT_NE(usage_error([&] { builder.conv("big", 0, 8, 7, 1, 1); }).find("kernel 7x7 is larger than its padded input"),
            std::string::npos);
  const int conv = builder.conv("conv", 0, 8, 3, 2, 1);
  EXPECT_NE(usage_error([&] { builder.norm_act("bn", conv, true, 0); }).find("residual 4x4x3 found, 2x2x8 expected"),
            std::string::npos);
  EXPECT_NE(usage_error([&] { builder.linear("fc", conv, 4, true); }).find("2x2x8 found"), std::string::npos);
  EXPECT_NE(usage_error([&] { builder.conv("conv", 0, 8, 1, 1, 0); }).find("name is taken"), std::string::npos);
  EXPECT_NE(usage_error([&] { builder.max_pool("pool", conv, 2, 2, 2); }).find("padding 2"), std::string::npos);
  EXPECT_NE(usage_error([&] { builder.shape(17); }).find("no node 17"), std::string::npos);
  EXPECT_NE(usage_error([&] { builder.finish(); }).find("last node must be a linear"), std::string::npos);
  EXPECT_NE(usage_error([&] { SpecBuilder("test", {4, 4, 0}, 4); }).find("empty dimension"), std::string::npos);
  EXPECT_NE(usage_error([&] { SpecBuilder("test", {4, 4, 3}, 1); }).find("1 classes found"), std::string::npos);
}

TEST(Models, ResNetsHaveTheDepthOfTheirName) {
  for (const auto& [name, layers] : {std::pair{"resnet20", 20}, {"resnet32", 32}, {"resnet56", 56}}) {
    const ModelSpec model = make_model(name, {32, 32, 3}, 10);
    EXPECT_EQ(count(model, NodeKind::conv) + count(model, NodeKind::linear), layers + 2) << "with two projections";
    EXPECT_EQ(node(model, "layer3.0.bn2").shape, (Shape{8, 8, 64}));
    EXPECT_EQ(node(model, "layer2.0.shortcut.0").kernel_h, 1);
    EXPECT_FALSE(node(model, "layer2.0.shortcut.1").relu);
    EXPECT_GE(node(model, "layer1.0.bn2").residual, 0);
  }
}

TEST(Models, TakeSmallGreyImages) {
  const ModelSpec model = make_model("resnet20", {28, 28, 1}, 10);
  EXPECT_EQ(node(model, "layer3.2.bn2").shape, (Shape{7, 7, 64}));
  EXPECT_EQ(node(make_model("vgg-small", {28, 28, 1}, 10), "flatten").shape.c, 3 * 3 * 512);
  EXPECT_EQ(node(make_model("mlp", {28, 28, 1}, 10), "flatten").shape.c, 784);
}

TEST(Models, ResNet18ChoosesItsStemByTheInput) {
  const ModelSpec small = make_model("resnet18", {32, 32, 3}, 10), large = make_model("resnet18", {224, 224, 3}, 1000);
  EXPECT_EQ(count(small, NodeKind::max_pool), 0);
  EXPECT_EQ(node(small, "layer4.1.bn2").shape, (Shape{4, 4, 512}));
  EXPECT_EQ(node(large, "conv1").kernel_h, 7);
  EXPECT_EQ(node(large, "maxpool").shape, (Shape{56, 56, 64}));
  EXPECT_EQ(node(large, "layer4.1.bn2").shape, (Shape{7, 7, 512}));
}

TEST(Models, EveryListedModelIsWellFormed) {
  for (const ModelEntry& entry : model_list()) {
    const ModelSpec model = make_model(entry.name, {32, 32, 3}, 10);
    EXPECT_EQ(model.name, entry.name);
    EXPECT_FALSE(entry.summary.empty());
    std::set<std::string> names;
    for (size_t id = 0; id < model.nodes.size(); ++id) {
      EXPECT_TRUE(names.insert(model.nodes[id].name).second);
      EXPECT_LT(model.nodes[id].input, int(id));
      EXPECT_LT(model.nodes[id].residual, int(id));
    }
  }
}

TEST(Models, UnknownNamesAndTooSmallInputs) {
  const std::string unknown = usage_error([] { make_model("resnet21", {32, 32, 3}, 10); });
  EXPECT_NE(unknown.find("unknown model 'resnet21'"), std::string::npos);
  EXPECT_NE(unknown.find("'resnet20'"), std::string::npos);
  EXPECT_NE(usage_error([] { make_model("resnet20", {4, 32, 3}, 10); }).find("4x32 pixels found, at least 8x8"),
            std::string::npos);
}

}  // namespace
}  // namespace subbyte
