// The integer network as a whole: what it stores, what it refuses, and that evaluation looks at one image at a time.
#include "nn/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/philox.h"

namespace subbyte {
namespace {

/// Residuals with and without projection, both pools, an odd image, a linear layer on a flattened image.
ModelSpec every_layer() {
  SpecBuilder b("every", {11, 9, 3}, 5);
  int x = b.norm_act("bn1", b.conv("conv1", 0, 16, 3, 1, 1), true);
  int y = b.norm_act("bn2", b.conv("conv2", x, 16, 3, 1, 1), true, x);
  const int shortcut = b.norm_act("short.1", b.conv("short.0", y, 24, 1, 2, 0), false);
  x = b.norm_act("bn3", b.conv("conv3", y, 24, 3, 2, 1), true, shortcut);
  x = b.norm_act("bn4", b.depthwise("deep", x, 3, 1, 1), true);
  x = b.max_pool("max", x, 2, 1, 0);
  x = b.norm_act("bn5", b.conv("conv4", x, 20, 1, 1, 0), false);
  x = b.avg_pool("avg", x, 2, 2);
  x = b.norm_act("bn6", b.linear("fc1", b.flatten("flat", x), 30, false), true);
  b.linear("fc", x, 5, true);
  return b.finish();
}

NetworkConfig config_of(ModelSpec model, const char* format = "w4a4g4", NormKind norm = NormKind::l1) {
  NetworkConfig config;
  config.mean.assign(size_t(model.input_shape().c), 0.5f);
  config.stddev.assign(size_t(model.input_shape().c), 0.25f);
  config.model = std::move(model);
  config.format = Format::parse(format);
  config.norm = norm;
  config.threads = 2;
  return config;
}

std::unique_ptr<Network> network_of(const NetworkConfig& config) {
  auto network = make_network(config);
  initialize(network->params(), 5);
  return network;
}

struct Images {
  Images(const ModelSpec& model, int count, uint32_t seed = 1) {
    const int elements = model.input_shape().elements();
    for (int i = 0; i < count * elements; ++i) {
      // Image i is brighter and of more contrast than image i - 1: a batch's ranges come from its last.
      const uint32_t noise = random_words(seed, RandomUse::augment, 0, 0, uint32_t(i))[0] % 40;
      pixels.push_back(uint8_t(noise * uint32_t(1 + i / elements % 6)));
    }
    for (int i = 0; i < count; ++i) labels.push_back(i % model.classes);
  }
  Batch batch(int begin, int count) const {
    const size_t image = pixels.size() / labels.size();
    return {count, pixels.data() + size_t(begin) * image, labels.data() + begin};
  }
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
};

TEST(IntegerNetwork, AnImagesLogitsDoNotDependOnItsBatch) {
  for (const char* format : {"w4a4g4", "w8a8g8", "w2a3g5"})
    for (const NormKind norm : {NormKind::l1, NormKind::l2}) {
      const NetworkConfig config = config_of(every_layer(), format, norm);
      const auto network = network_of(config);
      const Images images(config.model, 12);
      for (uint64_t step = 0; step < 3; ++step) network->train_step(images.batch(0, 12), step);
      const int classes = config.model.classes;
      std::vector<float> whole(12 * 5), again(12 * 5);
      network->evaluate(images.batch(0, 12), whole.data());
      for (int i = 0; i < 12; ++i) network->evaluate(images.batch(i, 1), again.data() + i * classes);
      EXPECT_EQ(whole, again) << format;
      network->evaluate(images.batch(0, 7), again.data());
      network->evaluate(images.batch(7, 5), again.data() + 7 * classes);
      EXPECT_EQ(whole, again) << format;
      EXPECT_FALSE(std::equal(whole.begin(), whole.begin() + 5, whole.begin() + 5)) << format;
    }
}

/// The states of a run mean the same to a network with other groups, whose sums are in other units.
TEST(IntegerNetwork, EvaluatesWithOtherGroupsThanTheRuns) {
  struct Case {
    const char* format;
    void (*change)(QuantConfig&);
    double most;  // root mean square of the change in logits relative to theirs
  };
  for (const Case& c : {Case{"w8a8g8", [](QuantConfig& q) { q.groups_a = 4; }, 0.05},
                        Case{"w8a8g8", [](QuantConfig& q) { q.groups_a = 8; }, 0.05},
                        Case{"w6a6g6", [](QuantConfig& q) { q.block_groups_a = 1; }, 0.2},
                        Case{"w6a6g6", [](QuantConfig& q) { q.block_groups_a = 1, q.groups_a = 3; }, 0.2}}) {
    NetworkConfig config = config_of(every_layer(), c.format);
    config.quant.groups_a = 1;
    const auto run = network_of(config);
    const Images images(config.model, 12);
    for (uint64_t step = 0; step < 3; ++step) run->train_step(images.batch(0, 12), step);
    c.change(config.quant);
    const auto other = network_of(config);
    for (size_t i = 0; i < run->params().size(); ++i) other->params()[i].value = run->params()[i].value;
    for (size_t i = 0; i < run->states().size(); ++i) other->states()[i] = run->states()[i];
    std::vector<float> expected(12 * 5), found(12 * 5);
    run->evaluate(images.batch(0, 12), expected.data());
    other->evaluate(images.batch(0, 12), found.data());
    double change = 0, size = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      change += std::pow(double(found[i]) - expected[i], 2);
      size += std::pow(double(expected[i]), 2);
    }
    EXPECT_LT(std::sqrt(change / size), c.most) << c.format << " groups " << config.quant.groups_a;
    EXPECT_GT(change, 0) << c.format;
  }
}

TEST(IntegerNetwork, EvaluationChangesNoStateAndNoTrainingStep) {
  const NetworkConfig config = config_of(every_layer());
  const auto one = network_of(config), two = network_of(config);
  const Images images(config.model, 12);
  for (uint64_t step = 0; step < 3; ++step) {
    one->train_step(images.batch(0, 8), step);
    two->train_step(images.batch(0, 8), step);
    two->evaluate(images.batch(3, 9), nullptr);
    for (size_t i = 0; i < one->states().size(); ++i) {
      EXPECT_EQ(one->states()[i].floats, two->states()[i].floats) << one->states()[i].name;
      EXPECT_EQ(one->states()[i].ints, two->states()[i].ints) << one->states()[i].name;
    }
    for (size_t i = 0; i < one->params().size(); ++i) EXPECT_EQ(one->params()[i].grad, two->params()[i].grad);
  }
}

TEST(IntegerNetwork, BatchesOfAnySizeTrain) {
  for (const NormKind norm : {NormKind::l1, NormKind::l2}) {
    const NetworkConfig config = config_of(every_layer(), "w4a4g4", norm);
    const auto network = network_of(config);
    const Images images(config.model, 12);
    uint64_t step = 0;
    for (const int count : {12, 5, 1, 12, 1, 3}) {  // a partial batch, a single image, and back
      EXPECT_TRUE(std::isfinite(network->train_step(images.batch(0, count), step++).loss));
      for (const Param& p : network->params())
        for (const float g : p.grad) ASSERT_TRUE(std::isfinite(g)) << p.name;
    }
  }
}

/// Sums that do not fit are computed once more, also where their images were already handed to a normalization, which then
/// adds the other consumer's gradient to them again.
TEST(IntegerNetwork, ShiftsThatAreTooLowChangeNothing) {
  SpecBuilder b("residuals", {11, 10, 3}, 5);
  const int x = b.norm_act("bn1", b.conv("conv1", 0, 32, 3, 1, 1), true);
  const int y = b.norm_act("bn2", b.conv("conv2", x, 32, 3, 1, 1), true, x);
  const int shortcut = b.norm_act("short.1", b.conv("short.0", y, 96, 1, 2, 0), false);
  const int z = b.norm_act("bn3", b.conv("conv3", y, 96, 3, 2, 1), true, shortcut);
  b.linear("fc", b.flatten("flat", b.global_avg_pool("pool", z)), 5, true);
  const ModelSpec model = b.finish();
  for (const char* format : {"w8a8g8", "w8a4g8"})
    for (const NormKind norm : {NormKind::l1, NormKind::l2}) {
      const NetworkConfig config = config_of(model, format, norm);
      const auto right = network_of(config), low = network_of(config);
      const Images images(config.model, 12);
      for (int step = 0; step < 2; ++step)  // afterwards the shifts are those of this batch
        for (Network* network : {right.get(), low.get()}) network->train_step(images.batch(0, 12), 0);
      for (State& s : low->states()) {
        if (!s.name.ends_with(".shifts")) continue;
        // 2 or more: the largest sum is beyond the stream. conv2 hands its gradient to bn1, which adds bn2's; short.0 hands
        // its to bn2, which adds conv3's.
        if (s.name == "conv2.shifts" || s.name == "short.0.shifts") {
          ASSERT_GE(s.ints[1], 2) << s.name;
        }
        for (int32_t& shift : s.ints)
          if (shift >= 2) shift = 0;  // with 1 it may fit the stream unshifted, which is no error and other bits
      }
      const StepResult expected = right->train_step(images.batch(0, 12), 0), found = low->train_step(images.batch(0, 12), 0);
      EXPECT_EQ(found.loss, expected.loss);
      for (size_t i = 0; i < right->params().size(); ++i)
        EXPECT_EQ(low->params()[i].grad, right->params()[i].grad) << format << " " << right->params()[i].name;
      for (size_t i = 0; i < right->states().size(); ++i)
        EXPECT_EQ(low->states()[i].ints, right->states()[i].ints) << format << " " << right->states()[i].name;
    }
}

TEST(IntegerNetwork, GradientsDependOnTheStepAndTheSeedAlone) {
  NetworkConfig config = config_of(every_layer());
  const Images images(config.model, 12);
  const auto gradient = [&](uint64_t seed, uint64_t step) {
    config.seed = seed;
    const auto network = network_of(config);
    network->train_step(images.batch(0, 12), step);
    return network->params()[0].grad;
  };
  EXPECT_EQ(gradient(1, 4), gradient(1, 4));
  EXPECT_NE(gradient(1, 4), gradient(1, 5));
  EXPECT_NE(gradient(1, 4), gradient(2, 4));
}

TEST(IntegerNetwork, SavesHalfAByteAnActivationAtFourBits) {
  SpecBuilder b("plain", {8, 8, 3}, 4);
  int x = b.norm_act("bn1", b.conv("conv1", 0, 16, 3, 1, 1), true);
  const int y = b.norm_act("bn2", b.conv("conv2", x, 16, 3, 1, 1), true);
  const int shortcut = b.norm_act("short.1", b.conv("short.0", y, 8, 1, 1, 0), false);
  x = b.norm_act("bn3", b.conv("conv3", y, 8, 3, 1, 1), true, shortcut);
  x = b.norm_act("bn4", b.conv("conv4", x, 8, 3, 2, 1), true);
  b.linear("fc", b.flatten("flat", b.global_avg_pool("pool", x)), 4, true);
  NetworkConfig config = config_of(b.finish());
  config.quant.norm_bits = 4;
  const auto network = make_network(config);
  std::map<std::string, int64_t> saved, weights, filter_groups;
  std::map<std::string, std::string> groups;
  for (const LayerInfo& info : network->layers()) {
    saved[info.name] = info.saved_bytes_per_image;
    weights[info.name] = info.weight_bytes;
    groups[info.name] = info.groups;
    filter_groups[info.name] = info.filter_groups;
  }
  EXPECT_EQ(saved["conv1"], 8 * 8 * 3);                  // pixels, 8 bits
  EXPECT_EQ(saved["conv2"], 8 * 8 * 16 / 2 + 8 * 8 * 16 / 16 * 2 / 8);        // 4 bits, and 2 for the shift of 16 elements
  EXPECT_EQ(saved["short.0"], 8 * 8 * 16 / 2 + 8 * 8 * 16 / 16 * 2 / 8);      // the first reader of bn2
  EXPECT_EQ(saved["conv3"], 0);                          // the same codes
  EXPECT_EQ(saved["conv4"], 8 * 8 * 8 / 2 + 8 * 8 * 8 / 16 * 2 / 8);
  EXPECT_EQ(saved["bn1"], 8 * 8 * 16 / 2);               // norm_bits = 4; its codes tell where ReLU let through
  EXPECT_EQ(saved["bn3"], 8 * 8 * 8 / 2 + 8 * 8 * 8 / 8);// a residual: a bit for ReLU
  EXPECT_EQ(saved["short.1"], 8 * 8 * 8 / 2);            // no ReLU
  EXPECT_EQ(saved["pool"], 0);
  EXPECT_EQ(saved["fc"], 8);                             // format.last, 8 bits
  EXPECT_EQ(weights["conv1"], 3 * 3 * 3 * 16);
  EXPECT_EQ(weights["conv2"], 3 * 3 * 16 * 16 / 2 + 16 * 16 / 8);              // a bit for the shift of a filter
  EXPECT_EQ(weights["short.0"], 16 * 8 / 2);             // filters of one tap have none
  EXPECT_EQ(weights["fc"], 8 * 4);
  EXPECT_EQ(groups["conv2"], "real/1/3");
  EXPECT_EQ(groups["short.0"], "real/1/4");
  EXPECT_EQ(filter_groups["conv1"], 1);                  // 8 bits
  EXPECT_EQ(filter_groups["conv2"], 2);
  EXPECT_EQ(filter_groups["short.0"], 1);
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return std::string("usage: ") + error.what();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(IntegerNetwork, NamesTheLayerWhereAValueIsNotFinite) {
  const NetworkConfig config = config_of(every_layer());
  const Images images(config.model, 4);
  const std::map<std::string, std::string> expected = {
      {"conv3.weight", "layer 'conv3': parameter 'conv3.weight': found a value that is not finite"},
      {"deep.weight", "layer 'deep': parameter 'deep.weight': found a value that is not finite"},
      {"bn4.weight", "layer 'bn4': found a scale or offset that is not finite"},
      {"bn4.bias", "layer 'bn4': found a scale or offset that is not finite"},
      {"fc.bias", "loss is not finite at step 3: first in layer 'fc'"},
  };
  for (const auto& [name, message] : expected)
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const auto network = network_of(config);
      for (Param& p : network->params())
        if (p.name == name) p.value.at(1) = bad;
      EXPECT_EQ(error_of([&] { network->train_step(images.batch(0, 4), 3); }), message);
    }
}

TEST(IntegerNetwork, RefusesModelsThatItCannotExecute) {
  const auto refused = [](const std::function<int(SpecBuilder&)>& body) {
    SpecBuilder b("odd", {8, 8, 8}, 4);
    b.linear("fc", b.flatten("flat", body(b)), 4, true);
    const NetworkConfig config = config_of(b.finish());
    return error_of([&] { make_network(config); });
  };
  const std::string order = ": integer formats need a normalization after every product but the last, and nowhere else";
  EXPECT_EQ(refused([](SpecBuilder& b) { return b.max_pool("pool", b.conv("conv", 0, 8, 3, 1, 1), 2, 2, 0); }),
            "usage: layer 'pool'" + order);
  EXPECT_EQ(refused([](SpecBuilder& b) {
              return b.norm_act("bn2", b.norm_act("bn1", b.conv("conv", 0, 8, 3, 1, 1), true), true);
            }),
            "usage: layer 'bn2'" + order);
  EXPECT_EQ(refused([](SpecBuilder& b) {
              const int x = b.norm_act("bn1", b.conv("conv", 0, 8, 3, 1, 1), true);
              b.norm_act("bn2", b.conv("conv2", x, 8, 3, 1, 1), true);
              return x;  // read in 4 bits by conv2, in 8 by fc
            }),
            "usage: layer 'fc': reads 8-bit activations, but another layer reads the same tensor in 4 bits; "
            "set format.first or format.last to match");
}

}  // namespace
}  // namespace subbyte
