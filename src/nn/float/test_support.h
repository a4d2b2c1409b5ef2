// What the tests of the twin share: configurations and random batches.
#pragma once
#include <memory>
#include <vector>

#include "base/philox.h"
#include "nn/float/register.h"

namespace subbyte {

inline NetworkConfig test_config(ModelSpec model, NormKind norm = NormKind::l1,
                                 Format::Kind kind = Format::Kind::fp32) {
  NetworkConfig config;
  config.mean.assign(size_t(model.input_shape().c), 0.5f);
  config.stddev.assign(size_t(model.input_shape().c), 0.25f);
  config.model = std::move(model);
  config.format.kind = kind;
  config.norm = norm;
  config.threads = 2;
  return config;
}

struct RandomBatch {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  Batch batch;

  RandomBatch(const ModelSpec& model, int count, uint64_t seed = 3) {
    for (int i = 0; i < count * model.input_shape().elements(); ++i)
      pixels.push_back(uint8_t(random_words(seed, RandomUse::augment, 0, 0, uint32_t(i))[0]));
    for (int i = 0; i < count; ++i) labels.push_back(i % model.classes);
    batch = {count, pixels.data(), labels.data()};
  }
};

inline Param& param(Network& network, const std::string& name) {
  for (Param& each : network.params())
    if (each.name == name) return each;
  throw std::runtime_error("no parameter " + name);
}

}  // namespace subbyte
