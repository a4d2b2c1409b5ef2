// Images of noise with random labels, from Philox: the same on every machine.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "nn/network.h"

namespace subbyte::bench {

struct RandomBatch {
  RandomBatch(const ModelSpec& model, int count)
      : pixels(size_t(count) * size_t(model.input_shape().elements())), labels(size_t(count)) {
    for (size_t i = 0; i < pixels.size(); i += 16) {
      const auto words = random_words(1, RandomUse::augment, 0, 0, uint32_t(i / 16));
      for (size_t j = i; j < std::min(i + 16, pixels.size()); ++j) pixels[j] = uint8_t(words[j % 16 / 4] >> (j % 4 * 8));
    }
    for (size_t i = 0; i < labels.size(); ++i)
      labels[i] = int32_t(random_words(1, RandomUse::shuffle, 0, 0, uint32_t(i))[0] % uint32_t(model.classes));
    batch = {count, pixels.data(), labels.data()};
  }
  RandomBatch(const RandomBatch&) = delete;
  RandomBatch& operator=(const RandomBatch&) = delete;

  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  Batch batch;
};

}  // namespace subbyte::bench
