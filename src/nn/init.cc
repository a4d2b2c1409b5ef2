#include <algorithm>
#include <cmath>

#include "base/philox.h"
#include "nn/network.h"
#include "nn/normal.h"

namespace subbyte {
namespace {

void fill_normal(std::vector<float>& value, double deviation, uint64_t seed, uint32_t tensor) {
  for (size_t i = 0; i < value.size(); i += 2) {
    const auto words = random_words(seed, RandomUse::init, 0, tensor, uint32_t(i / 2));
    value[i] = float(deviation * standard_normal(words[0], words[1]));
    if (i + 1 < value.size()) value[i + 1] = float(deviation * standard_normal(words[2], words[3]));
  }
}

}  // namespace

void initialize(std::vector<Param>& params, uint64_t seed) {
  size_t classifier = params.size();
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].is_weight) classifier = i;
  for (size_t i = 0; i < params.size(); ++i) {
    Param& param = params[i];
    std::fill(param.grad.begin(), param.grad.end(), 0.0f);
    if (param.is_weight) {
      // No ReLU follows the classifier, so nothing halves its variance.
      const double gain = i == classifier ? 1.0 : 2.0;
      fill_normal(param.value, std::sqrt(gain / param.fan_in), seed, uint32_t(i));
    } else {
      std::fill(param.value.begin(), param.value.end(), param.name.ends_with(".weight") ? 1.0f : 0.0f);
    }
  }
}

}  // namespace subbyte
