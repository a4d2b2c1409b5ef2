// Makes the FP32/BF16 twin known to make_network. An explicit call, since a linker drops self-registering objects.
#pragma once
#include <memory>

#include "nn/network.h"

namespace subbyte {

/// Executes config.model in FP32 or BF16 (config.format) on oneDNN. Throws Error where oneDNN or the processor cannot.
std::unique_ptr<Network> make_float_network(const NetworkConfig& config);

/// set_float_network_factory(make_float_network). Call once at start-up.
void register_float_network();

}  // namespace subbyte
