// What a training run says before its first step: nothing is wider, slower or smaller than it says here.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/settings.h"
#include "cli/setup.h"
#include "nn/network.h"

namespace subbyte {

std::vector<std::string> start_lines(const Settings& settings, const RunData& data, const Network& network,
                                     int64_t steps_per_epoch);

}  // namespace subbyte
