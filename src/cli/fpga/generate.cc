// subbyte fpga generate
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/fpga/fpga.h"
#include "fpga/design.h"

namespace subbyte {
namespace {

struct GenerateArgs {
  ArrayArgs array;
  std::string style = "plain", ports = "array", name = "subbyte_design", rtl, out;
  int64_t reduced = 0;
};

/// Beside the installed program, else the source folder that the program was built from.
std::string rtl_folder(const std::string& given) {
  if (!given.empty()) return given;
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::filesystem::path installed = program.parent_path().parent_path() / "share/subbyte/rtl";
  if (!failed && std::filesystem::is_directory(installed)) return installed;
  if (std::filesystem::is_directory(SUBBYTE_RTL)) return SUBBYTE_RTL;
  throw Error(fmt::format("found no RTL in {} and {}, expected it in one of them; --rtl names another folder", installed.string(),
                          SUBBYTE_RTL));
}

int generate(const GenerateArgs& args) {
  const DesignOptions options{array_of(args.array, args.array.format), parse_logic_style(args.style), parse_ports(args.ports),
                              args.name};
  if (args.reduced < 0) throw UsageError(fmt::format("--reduced: found {}, expected 1 or more", args.reduced));
  require_reduced(options.array, args.reduced);
  const std::vector<DesignFile> files = make_design(options, rtl_folder(args.rtl));
  make_folder(args.out);
  for (const DesignFile& file : files) write_file(args.out + "/" + file.name, file.text);
  const ArrayConfig& c = options.array;
  fmt::print("{}: {} files, top module {}; {}x{}, {}, codes of {} and {} bits, sums of {} bits that hold {} products of any "
             "codes\n",
             args.out, files.size(), options.name, c.rows, c.cols, placement_name(c.placement), c.a_bits, c.b_bits, c.acc_bits,
             c.most_reduced());
  return 0;
}

}  // namespace

void add_fpga_generate(CommandLine& line, CLI::App& fpga) {
  CLI::App* command = fpga.add_subcommand("generate", "Write the array's Verilog with chosen parameters, a folder of its own.");
  auto args = std::make_shared<GenerateArgs>();
  command->add_option("--format", args->array.format, "wXaYgZ: bits of weights, activations and gradients")->required();
  add_array_options(*command, args->array);
  command->add_option("--reduced", args->reduced, "longest sum: refuse an accumulator that might not hold so many products");
  command->add_option("--style", args->style, "plain, xilinx7 (hand-mapped LUTs) or dsp48e1 (default plain)");
  command->add_option("--ports", args->ports, "array (its own) or axi (AXI-Stream) (default array)");
  command->add_option("--name", args->name, "of the top module (default subbyte_design)");
  command->add_option("--rtl", args->rtl, "folder of the array's modules (default: the installed one)")->type_name("DIR");
  command->add_option("-o,--out", args->out, "folder")->type_name("DIR")->required();
  command->callback([&line, args] { line.action = [args] { return generate(*args); }; });
}

}  // namespace subbyte
