// A folder of Verilog with one array of chosen parameters: a top level, its parameters, and every file it needs.
#pragma once
#include <string>
#include <vector>

#include "fpga/config.h"

namespace subbyte {

/// How a product of codes becomes logic (parameter STYLE).
enum class LogicStyle { plain, xilinx7, dsp48e1 };
/// Throws UsageError for anything but "plain", "xilinx7" and "dsp48e1".
LogicStyle parse_logic_style(std::string_view text);

/// What the top level offers: the array's own ports, or AXI-Stream (fpga/README.md).
enum class Ports { array, axi };
/// Throws UsageError for anything but "array" and "axi".
Ports parse_ports(std::string_view text);

struct DesignOptions {
  ArrayConfig array;
  LogicStyle style = LogicStyle::plain;
  Ports ports = Ports::array;
  std::string name = "subbyte_design";  ///< of the top module
};

struct DesignFile {
  std::string name, text;
};

/// `<name>_parameters.svh`, `<name>.sv`, `files.f` and the files of `rtl` (a folder of one file a module) that the top level
/// needs, directly or through others. Throws UsageError for a name that is no identifier or parameters that cannot be, Error
/// where a file is missing.
std::vector<DesignFile> make_design(const DesignOptions&, const std::string& rtl);

/// Throws UsageError where sums of `reduced` products of any codes could exceed the accumulator; says which width holds them.
void require_reduced(const ArrayConfig&, int64_t reduced);

}  // namespace subbyte
