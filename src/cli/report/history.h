// What a run's folder tells about its training, without its checkpoint.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/settings.h"
#include "train/metrics.h"

namespace subbyte {

struct RunHistory {
  std::string path;  ///< as it was given
  std::string name;  ///< what tells it from the other runs of the report
  Settings settings;
  std::vector<EpochMetrics> epochs;  ///< may be empty: a run in its first epoch
  bool cut_short = false;            ///< the last line of its metrics was left out

  int64_t epochs_done() const { return epochs.empty() ? 0 : epochs.back().epoch; }
  /// The last epoch ended early, at --max-steps; not known of a run's only epoch.
  bool last_is_partial() const;
  double seconds() const;                            ///< training and evaluation, all epochs
  double peak_rss_mib() const;                       ///< the largest
  std::optional<double> images_per_second() const;   ///< the median epoch's
};

/// Throws Error where a folder or its configuration is missing or its metrics are damaged, UsageError where a
/// configuration is wrong or two paths are one folder.
std::vector<RunHistory> load_histories(const std::vector<std::string>& paths);

/// The paths without the folders that all of them share; the last part always stays.
std::vector<std::string> distinct_names(const std::vector<std::string>& paths);

}  // namespace subbyte
