// For tests of whole networks: small models of every layer kind, images that can be learned, and a forced instruction set.
#pragma once
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/isa.h"
#include "base/philox.h"
#include "nn/network.h"

namespace subbyte {

inline NetworkConfig network_config(ModelSpec model, const std::string& format, NormKind norm = NormKind::l1) {
  NetworkConfig config;
  config.mean.assign(size_t(model.input_shape().c), 0.5f);
  config.stddev.assign(size_t(model.input_shape().c), 0.25f);
  config.model = std::move(model);
  config.format = Format::parse(format);
  config.norm = norm;
  return config;
}

inline std::unique_ptr<Network> initialized_network(const NetworkConfig& config) {
  auto network = make_network(config);
  initialize(network->params(), config.seed);
  return network;
}

/// Three blocks as in resnet20, one with a projection, of an image with odd sides.
inline ModelSpec residual_model() {
  SpecBuilder b("residual", {11, 9, 3}, 4);
  const auto block = [&](const std::string& name, int input, int channels, int stride) {
    int x = b.norm_act(name + ".bn1", b.conv(name + ".conv1", input, channels, 3, stride, 1), true);
    x = b.conv(name + ".conv2", x, channels, 3, 1, 1);
    int shortcut = input;
    if (stride > 1) {
      shortcut = b.conv(name + ".short.0", input, channels, 1, stride, 0);
      shortcut = b.norm_act(name + ".short.1", shortcut, false);
    }
    return b.norm_act(name + ".bn2", x, true, shortcut);
  };
  int x = b.norm_act("bn", b.conv("conv", 0, 16, 3, 1, 1), true);
  x = block("first", x, 16, 1);
  x = block("second", x, 24, 2);
  x = block("third", x, 24, 1);
  b.linear("fc", b.flatten("flat", b.global_avg_pool("pool", x)), 4, true);
  return b.finish();
}

/// Depthwise and pointwise convolutions in turn, average pooling.
inline ModelSpec depthwise_model() {
  SpecBuilder b("depthwise", {11, 9, 3}, 4);
  int x = b.norm_act("bn", b.conv("conv", 0, 16, 3, 1, 1), true);
  x = b.norm_act("deep1.bn", b.depthwise("deep1", x, 3, 2, 1), true);
  x = b.norm_act("point1.bn", b.conv("point1", x, 24, 1, 1, 0), true);
  x = b.norm_act("deep2.bn", b.depthwise("deep2", x, 3, 1, 1), true);
  x = b.norm_act("point2.bn", b.conv("point2", x, 24, 1, 1, 0), true);
  x = b.avg_pool("pool", x, 3, 2);
  b.linear("fc", b.flatten("flat", x), 4, true);
  return b.finish();
}

/// Layers of 64 Ki weights and more, one with a residual: panels of their weight gradients are made over the whole batch.
inline ModelSpec wide_model() {
  SpecBuilder b("wide", {5, 6, 3}, 4);
  const int x = b.norm_act("bn1", b.conv("conv1", 0, 96, 3, 1, 1), true);
  int y = b.norm_act("bn2", b.conv("conv2", x, 96, 3, 1, 1), true, x);
  y = b.norm_act("bn3", b.conv("conv3", y, 99, 3, 2, 1), false);
  y = b.norm_act("bn4", b.conv("conv4", y, 80, 3, 1, 1), true);  // signed activations
  b.linear("fc", b.flatten("flat", b.global_avg_pool("pool", y)), 4, true);
  return b.finish();
}

/// Linear layers alone.
inline ModelSpec mlp_model() {
  SpecBuilder b("mlp", {11, 9, 3}, 4);
  int x = b.norm_act("bn1", b.linear("fc1", b.flatten("flat", 0), 64, false), true);
  x = b.norm_act("bn2", b.linear("fc2", x, 64, false), true);
  b.linear("fc", x, 4, true);
  return b.finish();
}

/// Convolutions with max pooling between them and a linear layer on the flattened image, as in vgg-small.
inline ModelSpec pooled_model(Shape input = {11, 9, 3}, int classes = 4) {
  SpecBuilder b("pooled", input, classes);
  int x = b.norm_act("bn1", b.conv("conv1", 0, 16, 3, 1, 1), true);
  x = b.max_pool("pool1", b.norm_act("bn2", b.conv("conv2", x, 16, 3, 1, 1), true), 2, 2, 0);
  x = b.norm_act("bn3", b.conv("conv3", x, 32, 3, 1, 1), true);
  x = b.max_pool("pool2", b.norm_act("bn4", b.conv("conv4", x, 32, 3, 1, 1), true), 3, 2, 1);
  b.linear("fc", b.flatten("flat", x), classes, true);
  return b.finish();
}

/// Noise in which a bright bar stands at a place that is the label's; images `first`.. of an endless sequence.
struct BarImages {
  BarImages(const ModelSpec& model, int count, uint32_t first = 0, uint64_t seed = 3) {
    const Shape s = model.input_shape();
    pixels.resize(size_t(count) * s.elements());
    for (int i = 0; i < count; ++i) {
      const uint32_t record = first + uint32_t(i);
      labels.push_back(int32_t(random_words(seed, RandomUse::shuffle, 0, 0, record)[0] % uint32_t(model.classes)));
      for (int e = 0; e < s.elements(); ++e) {
        const uint32_t noise = random_words(seed, RandomUse::augment, 0, record, uint32_t(e))[0];
        const int y = e / (s.w * s.c), band = y * model.classes / s.h;
        pixels[size_t(i) * s.elements() + e] = uint8_t(noise % 120 + (band == labels.back() ? 90 : 0));
      }
    }
    batch = {count, pixels.data(), labels.data()};
  }
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  Batch batch;
};

/// SUBBYTE_ISA while this lives: networks choose their kernels when they are made, programs when they start.
class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa) {
    if (const char* value = std::getenv("SUBBYTE_ISA")) before_ = value;
    setenv("SUBBYTE_ISA", isa_name(isa), 1);
  }
  ~ForcedIsa() {
    if (before_.empty()) unsetenv("SUBBYTE_ISA");
    else setenv("SUBBYTE_ISA", before_.c_str(), 1);
  }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  std::string before_;
};

}  // namespace subbyte
