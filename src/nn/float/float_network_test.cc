#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "nn/float/test_support.h"

namespace subbyte {
namespace {

/// Null where the processor has no BF16 products.
std::unique_ptr<Network> bf16_network(const ModelSpec& model, NormKind norm = NormKind::l1) {
  try {
    return make_float_network(test_config(model, norm, Format::Kind::bf16));
  } catch (const Error&) {
    return nullptr;
  }
}

ModelSpec small_net(Shape input, int classes) {
  SpecBuilder builder("small", input, classes);
  int x = builder.norm_act("bn1", builder.conv("conv1", 0, 16, 3, 1, 1), true);
  x = builder.norm_act("bn2", builder.conv("conv2", x, 16, 3, 1, 1), true, x);
  x = builder.flatten("flatten", builder.global_avg_pool("avgpool", x));
  builder.linear("fc", x, classes, true);
  return builder.finish();
}

class NormStatistics : public testing::TestWithParam<NormKind> {};

TEST_P(NormStatistics, AreThoseOfTheFormulas) {
  SpecBuilder builder("norm", {5, 7, 3}, 2);
  builder.linear("fc", builder.flatten("flatten", builder.norm_act("bn", 0, false)), 2, true);
  NetworkConfig config = test_config(builder.finish(), GetParam());
  config.norm_momentum = 0.25f;
  const auto network = make_float_network(config);
  ASSERT_EQ(network->states().size(), 2u);
  EXPECT_EQ(network->states()[0].name, "bn.running_mean");
  EXPECT_EQ(network->states()[1].name, "bn.running_deviation");

  double mean[2][3] = {}, deviation[2][3] = {};
  for (int step = 0; step < 2; ++step) {
    const RandomBatch data(config.model, 4, uint64_t(step));
    const double rows = 4 * 5 * 7;
    const auto value = [&](size_t i) { return (data.pixels[i] / 255.0 - 0.5) / 0.25; };
    for (size_t i = 0; i < data.pixels.size(); ++i) mean[step][i % 3] += value(i) / rows;
    for (size_t i = 0; i < data.pixels.size(); ++i) {
      const double d = value(i) - mean[step][i % 3];
      deviation[step][i % 3] += (GetParam() == NormKind::l1 ? std::abs(d) : d * d) / rows;
    }
    for (double& d : deviation[step])
      d = GetParam() == NormKind::l1 ? std::sqrt(std::acos(-1.0) / 2) * d + 1e-5 : std::sqrt(d + 1e-5);
    network->train_step(data.batch, uint64_t(step));
    for (int c = 0; c < 3; ++c) {
      const double weight = step == 0 ? 1 : 0.25;  // the first batch is copied
      EXPECT_NEAR(network->states()[0].floats[c], (1 - weight) * mean[0][c] + weight * mean[step][c], 1e-5);
      EXPECT_NEAR(network->states()[1].floats[c], (1 - weight) * deviation[0][c] + weight * deviation[step][c], 1e-5);
    }
  }

  const RandomBatch data(config.model, 2);
  std::vector<float> logits(4);
  network->evaluate(data.batch, logits.data());
  const std::vector<float>& weight = param(*network, "fc.weight").value;
  for (int image = 0; image < 2; ++image)
    for (int k = 0; k < 2; ++k) {
      double expected = 0;
      for (size_t i = 0; i < 105; ++i)
        expected += weight[k * 105 + i] * ((data.pixels[image * 105 + i] / 255.0 - 0.5) / 0.25 -
                                           network->states()[0].floats[i % 3]) / network->states()[1].floats[i % 3];
      EXPECT_NEAR(logits[image * 2 + k], expected, 1e-5);
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NormStatistics, testing::Values(NormKind::l1, NormKind::l2));

TEST(FloatNetwork, EveryModelTakesAStep) {
  std::vector<ModelSpec> models;
  for (const ModelEntry& entry : model_list()) models.push_back(make_model(entry.name, {32, 32, 3}, 10));
  models.push_back(make_model("resnet18", {64, 64, 3}, 10));
  models.push_back(make_model("resnet20", {28, 28, 1}, 10));
  for (const ModelSpec& model : models) {
    const RandomBatch data(model, 2);
    for (const auto& network : {make_float_network(test_config(model)), bf16_network(model)}) {
      if (!network) continue;
      const double loss = network->train_step(data.batch, 0).loss;
      EXPECT_TRUE(std::isfinite(loss) && loss > 0) << model.name;
      for (const Param& each : network->params()) {
        double square = 0;
        for (const float g : each.grad) square += double(g) * g;
        EXPECT_TRUE(std::isfinite(square) && square > 0) << model.name << " " << each.name;
      }
      EXPECT_TRUE(std::isfinite(network->evaluate(data.batch, nullptr).loss)) << model.name;
      EXPECT_EQ(network->layers().size(), model.nodes.size() - 1);
    }
  }
}

TEST(FloatNetwork, EvaluationDoesNotDependOnTheBatch) {
  const ModelSpec model = small_net({12, 12, 3}, 4);
  const auto network = make_float_network(test_config(model));
  const RandomBatch data(model, 9);
  network->train_step(data.batch, 0);
  std::vector<float> together(9 * 4), alone(4);
  network->evaluate(data.batch, together.data());
  for (int i = 0; i < 9; ++i) {
    network->evaluate({1, data.pixels.data() + i * 432, data.labels.data() + i}, alone.data());
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(alone[k], together[i * 4 + k], 1e-5f * (1 + std::abs(alone[k])));
  }
}

TEST(FloatNetwork, StepsAreReproducible) {
  const ModelSpec model = small_net({12, 12, 3}, 4);
  const auto first = make_float_network(test_config(model)), second = make_float_network(test_config(model));
  const RandomBatch data(model, 8);
  EXPECT_EQ(first->train_step(data.batch, 0).loss, second->train_step(data.batch, 0).loss);
  EXPECT_EQ(param(*first, "conv1.weight").grad, param(*second, "conv1.weight").grad);
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
    ab += double(a[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

/// The smallest cosine between weight gradients in FP32 and in BF16; 2 where the processor has no BF16 products.
double smallest_cosine(const ModelSpec& model, NormKind norm) {
  const auto wide = make_float_network(test_config(model, norm)), narrow = bf16_network(model, norm);
  if (!narrow) return 2;
  const RandomBatch data(model, 16);
  const double expected = wide->train_step(data.batch, 0).loss, found = narrow->train_step(data.batch, 0).loss;
  // A tensor's rounding error is 2^-9 of it; those of forty tensors add as independent ones, to about 1 %.
  EXPECT_NEAR(found, expected, 0.03 * expected);
  EXPECT_NE(found, expected);
  double smallest = 1;
  for (size_t p = 0; p < wide->params().size(); ++p)
    if (wide->params()[p].is_weight)
      smallest = std::min(smallest, cosine(wide->params()[p].grad, narrow->params()[p].grad));
  return smallest;
}

TEST(FloatNetwork, Bf16IsCloseToFp32) {
  SpecBuilder builder("smooth", {12, 12, 3}, 4);
  const int x = builder.norm_act("bn1", builder.conv("conv1", 0, 16, 3, 1, 1), false);
  const int y = builder.norm_act("bn2", builder.depthwise("conv2", x, 3, 1, 1), false, x);
  int z = builder.flatten("flatten", builder.avg_pool("pool", y, 2, 2));
  z = builder.norm_act("bn3", builder.linear("fc1", z, 32, false), false);
  builder.linear("fc", z, 4, true);
  const ModelSpec smooth = builder.finish();
  for (const NormKind norm : {NormKind::l1, NormKind::l2}) {
    EXPECT_GT(smallest_cosine(smooth, norm), 0.999);
    // Every ReLU whose input rounds to the other side of 0 is wrong by all of its gradient: 1 % of them in each of 19
    // layers makes a cosine of about 0.9.
    EXPECT_GT(smallest_cosine(make_model("resnet20", {16, 16, 3}, 4), norm), 0.85);
  }
}

TEST(FloatNetwork, NamesTheFirstLayerThatIsNotFinite) {
  const ModelSpec model = small_net({12, 12, 3}, 4);
  const RandomBatch data(model, 4);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto network = make_float_network(test_config(model));
    param(*network, "conv2.weight").value[5] = bad;
    try {
      network->train_step(data.batch, 17);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "loss is nan at step 17: first non-finite value in layer 'conv2'");
    }
  }
}

class Learning : public testing::TestWithParam<std::tuple<Format::Kind, NormKind>> {};

/// Four classes: which quadrant of a noisy image is bright.
TEST_P(Learning, SeparatesQuadrants) {
  const auto [kind, norm] = GetParam();
  SpecBuilder builder("quadrants", {8, 8, 1}, 4);
  int x = builder.norm_act("bn1", builder.conv("conv1", 0, 16, 3, 1, 1), true);
  x = builder.max_pool("pool", x, 2, 2, 0);
  x = builder.norm_act("bn2", builder.conv("conv2", x, 16, 3, 1, 1), true);
  builder.linear("fc", builder.flatten("flatten", x), 4, true);
  const ModelSpec model = builder.finish();
  std::unique_ptr<Network> network = kind == Format::Kind::fp32 ? make_float_network(test_config(model, norm))
                                                                : bf16_network(model, norm);
  if (!network) GTEST_SKIP() << "no BF16 on this processor";
  const auto batch = [&](uint64_t seed) {
    RandomBatch data(model, 64, seed);
    for (int i = 0; i < 64; ++i)
      for (int p = 0; p < 64; ++p) {
        const int quadrant = (p / 8 / 4) * 2 + p % 8 / 4;
        uint8_t& pixel = data.pixels[i * 64 + p];
        pixel = uint8_t(pixel / 2 + (quadrant == data.labels[i] ? 100 : 0));
      }
    data.batch.pixels = data.pixels.data();
    return data;
  };
  for (uint64_t step = 0; step < 30; ++step) {
    const RandomBatch data = batch(step);
    network->train_step({64, data.pixels.data(), data.labels.data()}, step);
    for (Param& each : network->params())
      for (size_t i = 0; i < each.value.size(); ++i) each.value[i] -= 0.05f * each.grad[i];
  }
  const RandomBatch unseen = batch(1000);
  EXPECT_GE(network->evaluate({64, unseen.pixels.data(), unseen.labels.data()}, nullptr).correct, 62);
}

INSTANTIATE_TEST_SUITE_P(Formats, Learning,
                         testing::Combine(testing::Values(Format::Kind::fp32, Format::Kind::bf16),
                                          testing::Values(NormKind::l1, NormKind::l2)));

TEST(FloatNetwork, DescribesItsLayers) {
  const auto network = make_float_network(test_config(small_net({12, 12, 3}, 4)));
  const std::vector<LayerInfo> layers = network->layers();
  ASSERT_EQ(layers.size(), 7u);
  EXPECT_EQ(layers[0].name, "conv1");
  EXPECT_EQ(layers[0].format, "fp32");
  EXPECT_EQ(layers[0].parameters, 16 * 27);
  EXPECT_EQ(layers[0].weight_bytes, 16 * 27 * 4);
  EXPECT_EQ(layers[0].saved_bytes_per_image, 12 * 12 * 16 * 4);
  EXPECT_EQ(layers[6].parameters, 16 * 4 + 4);
}

TEST(FloatNetwork, IsBuiltByItsFormat) {
  register_float_network();
  const auto network = make_network(test_config(small_net({12, 12, 3}, 4)));
  EXPECT_EQ(network->layers()[0].format, "fp32");
  NetworkConfig config = test_config(small_net({12, 12, 3}, 4));
  config.stddev.pop_back();
  EXPECT_THROW(make_network(config), UsageError);
}

}  // namespace
}  // namespace subbyte
