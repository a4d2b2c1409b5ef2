// What several runs have in common: groups over seeds, and the configuration keys that differ.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/report/history.h"
#include "cli/statistic.h"

namespace subbyte {

/// Runs whose recipes differ in nothing but the seed.
struct RunGroup {
  std::vector<size_t> runs;
  std::string format;
  int64_t epoch = 0, step = 0;    ///< the latest that a run of the group has measured
  std::vector<size_t> counted;    ///< the runs that have come so far, of each seed the first
  std::optional<Statistic> train_loss, val_accuracy, test_accuracy;  ///< there, over seeds; none where none measured it
  std::optional<double> gap;      ///< test accuracy (validation, where there is none) less that of the FP32 group, points
  std::string gap_text;           ///< why there is no gap, or what else differs from the FP32 group
};

/// In the order of their first runs.
std::vector<RunGroup> group_runs(const std::vector<RunHistory>& runs);

struct KeyDifference {
  std::string key;
  std::vector<std::string> values;  ///< as TOML writes them, one a run
};

/// The keys whose values are not the same in all runs.
std::vector<KeyDifference> config_differences(const std::vector<RunHistory>& runs);

}  // namespace subbyte
