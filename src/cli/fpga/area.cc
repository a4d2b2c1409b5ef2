#include "cli/fpga/area.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {
namespace {

using nlohmann::json;
using Parameters = std::map<std::string, int>;

std::string text_of(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  return text;
}

/// LC of a PE of the first design of `top` with these parameters; what a design does not say is 1 (fpga/README.md: NG_B).
double area_of(const json& report, const std::string& file, const std::string& top, const Parameters& wanted) {
  for (const json& design : report.at("designs")) {
    if (design.at("top") != top || design.at("family") != "xc7" || design.at("dsp") != false || design.at("group") != "mapped")
      continue;
    const json& parameters = design.at("parameters");
    bool same = true;
    for (const auto& [name, value] : wanted) same = same && parameters.value(name, 1) == value;
    if (!same) continue;
    const double lc = design.at("LC");
    if (!(lc > 0)) throw Error(fmt::format("{}: LC of {}: found {}, expected a positive number", file, top, lc));
    return lc / (parameters.at("ROWS").get<double>() * parameters.at("COLS").get<double>());
  }
  throw Error(fmt::format("{}: found no {} for xc7 without DSP, mapped, with {}", file, top, text_of(wanted)));
}

}  // namespace

double fp16_area_of(const std::string& file, const ArrayConfig& c) {
  try {
    const json report = json::parse(read_text(file));
    const double ours = area_of(report, file, "subbyte_array",
                                {{"A_BITS", c.a_bits},
                                 {"B_BITS", c.b_bits},
                                 {"ACC_BITS", c.acc_bits},
                                 {"NG", c.ng},
                                 {"NG_B", c.ng_b},
                                 {"PLACEMENT", int(c.placement)}});
    return area_of(report, file, "fp16_array", {{"WIDE", 0}}) / ours;
  } catch (const json::exception& e) {
    throw Error(fmt::format("{}: no resource report: {}", file, e.what()));
  }
}

}  // namespace subbyte
