// How much larger an FP16 PE is than one of an array, from the resource report (fpga/report).
#pragma once
#include <string>

#include "fpga/config.h"

namespace subbyte {

/// LC a PE, Xilinx 7 without DSP, hand-mapped on both sides, FP16 accumulator; `file` is a resources.json with a synthesis of
/// exactly these codes, groups, sums and placement, of any size. Throws Error where it has none or is no such file.
double fp16_area_of(const std::string& file, const ArrayConfig& config);

}  // namespace subbyte
