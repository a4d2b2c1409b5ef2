// subbyte train --dry-run: what a run would hold in memory, from shapes; only the program and the data set are measured.
#pragma once
#include <cstdint>

#include "cli/settings.h"
#include "cli/setup.h"
#include "nn/network.h"

namespace subbyte {

/// Resident bytes of this process before and after the data set was opened.
struct Resident {
  int64_t program = 0, with_data = 0;
};

/// Prints the plan, as a table or as one JSON object.
void print_memory_plan(const Settings& settings, const RunData& data, Network& network, const Resident& resident, bool json);

}  // namespace subbyte
