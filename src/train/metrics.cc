#include "train/metrics.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/files.h"

namespace subbyte {

std::string metrics_line(const EpochMetrics& metrics) {
  nlohmann::ordered_json line;
  line["epoch"] = metrics.epoch;
  line["step"] = metrics.step;
  line["train_loss"] = metrics.train_loss;
  line["train_accuracy"] = metrics.train_accuracy;
  if (metrics.val_accuracy) line["val_accuracy"] = *metrics.val_accuracy;
  if (metrics.test_accuracy) line["test_accuracy"] = *metrics.test_accuracy;
  if (metrics.images_per_second) line["images_per_second"] = *metrics.images_per_second;
  line["seconds"] = metrics.seconds;
  line["learning_rate"] = metrics.learning_rate;
  line["peak_rss_mib"] = metrics.peak_rss_mib;
  return line.dump();
}

void append_metrics(const std::string& path, const EpochMetrics& metrics) {
  append_file(path, metrics_line(metrics) + "\n");
}

void trim_metrics(const std::string& path, int64_t epochs) {
  if (!std::filesystem::exists(path)) return;
  std::istringstream lines(read_text(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    const auto epoch = json.find("epoch");
    if (epoch != json.end() && epoch->is_number_integer() && epoch->get<int64_t>() <= epochs) kept += line + "\n";
  }
  write_file(path, kept);
}

}  // namespace subbyte
