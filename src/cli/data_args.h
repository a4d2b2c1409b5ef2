// Options of the commands that measure a run on data, by default the run's own.
#pragma once
#include <CLI/CLI.hpp>

#include <string>

#include "cli/config.h"

namespace subbyte {

struct DataArgs {
  std::string data, data_dir;
  int threads = -1;
};

void add_data_options(CLI::App& command, DataArgs& args);

/// Puts what was given in place of the run's own. Throws UsageError.
void apply(const DataArgs& args, Config& config);

}  // namespace subbyte
