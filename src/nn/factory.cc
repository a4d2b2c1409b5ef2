#include <cmath>
#include <string>

#include "base/error.h"
#include "nn/network.h"

namespace subbyte {
namespace {

NetworkFactory float_factory = nullptr;

void check(const NetworkConfig& config) {
  const size_t channels = size_t(config.model.input_shape().c);
  if (config.mean.size() != channels || config.stddev.size() != channels)
    throw UsageError("mean and stddev: " + std::to_string(config.mean.size()) + " and " +
                     std::to_string(config.stddev.size()) + " values found, one per input channel (" +
                     std::to_string(channels) + ") expected");
  for (const float deviation : config.stddev)
    if (!(deviation > 0) || !std::isfinite(deviation))
      throw UsageError("stddev: " + std::to_string(deviation) + " found, a positive number expected");
  if (!(config.label_smoothing >= 0 && config.label_smoothing < 1))
    throw UsageError("label_smoothing: " + std::to_string(config.label_smoothing) + " found, 0 <= x < 1 expected");
  if (!(config.norm_momentum > 0 && config.norm_momentum <= 1))
    throw UsageError("norm_momentum: " + std::to_string(config.norm_momentum) + " found, 0 < x <= 1 expected");
  if (config.threads < 1)
    throw UsageError("threads: " + std::to_string(config.threads) + " found, at least 1 expected");
}

}  // namespace

void set_float_network_factory(NetworkFactory factory) { float_factory = factory; }

void Network::set_folded(bool folded) {
  if (folded) throw Error("folded evaluation: found a network without quantized products, expected an integer format");
}

std::unique_ptr<Network> make_network(const NetworkConfig& config) {
  check(config);
  if (config.format.is_integer()) return make_integer_network(config);
  if (!float_factory)
    throw Error("format " + config.format.name() + " needs a build with oneDNN (SUBBYTE_FLOAT=ON); this one has none");
  return float_factory(config);
}

}  // namespace subbyte
