// The commands below `subbyte fpga`.
#pragma once
#include <CLI/CLI.hpp>

#include <string>

#include "cli/commands.h"
#include "fpga/config.h"

namespace subbyte {

/// What both commands say of an array. 0 and empty: not given.
struct ArrayArgs {
  std::string format, placement = "barrel";
  int rows = 8, cols = 8, ng = 4, ng_b = 0, a_bits = 0, b_bits = 0, acc_bits = 0;
};
void add_array_options(CLI::App& command, ArrayArgs& args);
/// Throws UsageError.
ArrayConfig array_of(const ArrayArgs& args, const std::string& format);

void add_fpga_schedule(CommandLine& line, CLI::App& fpga);
void add_fpga_generate(CommandLine& line, CLI::App& fpga);

}  // namespace subbyte
