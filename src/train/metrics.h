// metrics.jsonl: one JSON object a line, one line an epoch.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace subbyte {

/// What an epoch measured; absent values are left out of the line.
struct EpochMetrics {
  int64_t epoch = 0;  ///< from 1; an epoch that --max-steps cut short counts
  int64_t step = 0;   ///< training steps since the start of the run
  double train_loss = 0, train_accuracy = 0;          ///< over the epoch's training batches; accuracies are 0..1
  std::optional<double> val_accuracy, test_accuracy;
  std::optional<double> images_per_second;            ///< training alone
  double seconds = 0;                                 ///< training and evaluation, of this process
  double learning_rate = 0;                           ///< of the last step
  double peak_rss_mib = 0;
};

/// Without a line end.
std::string metrics_line(const EpochMetrics& metrics);

/// Appends a line. Throws Error.
void append_metrics(const std::string& path, const EpochMetrics& metrics);

/// Removes what is newer than a checkpoint of `epochs` complete epochs, and a line that was cut short.
/// A missing file is left missing. Throws Error.
void trim_metrics(const std::string& path, int64_t epochs);

struct MetricsFile {
  std::vector<EpochMetrics> epochs;
  bool cut_short = false;  ///< the last line was not written to its end, and is left out
};

/// What append_metrics wrote; a missing file holds no epoch. Fields that are unknown are ignored.
/// Throws Error "FILE:LINE: ..." where a line is damaged, lacks a field, or its epoch does not follow the one before.
MetricsFile read_metrics(const std::string& path);

}  // namespace subbyte
