// The report: one page, or one JSON object, that compares runs.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/plot/figure.h"
#include "cli/report/compare.h"
#include "cli/report/history.h"

namespace subbyte {

struct Comparison {
  std::string title;
  std::vector<RunHistory> runs;
  std::vector<RunGroup> groups;
  std::vector<KeyDifference> differences;
};

/// One line for every run whose metrics end in a line that was left out.
std::vector<std::string> notes(const Comparison& comparison);

/// Training loss, and validation and test accuracy where a run measured them; over epochs, a series a run.
std::vector<Figure> curves(const Comparison& comparison);

/// Throws Error where the curves cannot be drawn.
std::string report_page(const Comparison& comparison);

nlohmann::ordered_json report_json(const Comparison& comparison);

}  // namespace subbyte
