// subbyte fpga WHAT
#include "cli/fpga/fpga.h"

namespace subbyte {

void add_array_options(CLI::App& command, ArrayArgs& args) {
  command.add_option("--rows", args.rows, "of the array (default 8)");
  command.add_option("--cols", args.cols, "of the array (default 8)");
  command.add_option("--ng", args.ng, "groups: operands' shifts are below it (default 4)");
  command.add_option("--ng-b", args.ng_b, "the same of the second operand (default: --ng for barrel and edge, else 1)");
  command.add_option("--a-bits", args.a_bits, "of the first port (default: what the format's activations and gradients need)");
  command.add_option("--b-bits", args.b_bits, "of the second port (default: what its weights and gradients need)");
  command.add_option("--acc-bits", args.acc_bits, "of a sum (default 24 for codes of 4 bits, else 32)");
  command.add_option("--placement", args.placement, "of the shift: barrel, edge, sorted or none (default barrel)");
}

ArrayConfig array_of(const ArrayArgs& args, const std::string& format) {
  ArrayConfig config = array_config(Format::parse(format), args.ng, parse_placement(args.placement), args.rows, args.cols);
  if (args.ng_b != 0) config.ng_b = args.ng_b;
  if (args.a_bits != 0) config.a_bits = args.a_bits;
  if (args.b_bits != 0) config.b_bits = args.b_bits;
  if (args.acc_bits != 0) config.acc_bits = args.acc_bits;
  config.validate();
  return config;
}

void add_fpga(CommandLine& line) {
  CLI::App* fpga = line.app.add_subcommand("fpga", "Prepare the hardware array, and what it computes for a trained model.");
  add_fpga_schedule(line, *fpga);
  add_fpga_generate(line, *fpga);
}

}  // namespace subbyte
