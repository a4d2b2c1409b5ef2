// Reading metrics.jsonl.
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "train/metrics.h"

namespace subbyte {
namespace {

using nlohmann::json;
constexpr double kAny = std::numeric_limits<double>::max();

/// A field that is a number from `low` to `high`; none where it is absent and not `required`.
std::optional<double> number(const json& line, const char* field, double low, double high, bool required = true) {
  const auto found = line.find(field);
  if (found == line.end() && !required) return std::nullopt;
  if (found == line.end()) throw Error(std::string(field) + ": missing");
  if (!found->is_number() || !(found->get<double>() >= low && found->get<double>() <= high))
    throw Error(std::string(field) + ": found " + found->dump(-1, ' ', true, json::error_handler_t::replace) +
                ", expected a number" + (high == 1 ? ", 0 to 1" : low == 0 ? ", 0 or more" : ""));
  return found->get<double>();
}

int64_t whole(const json& line, const char* field, int64_t least) {
  const auto found = line.find(field);
  if (found == line.end()) throw Error(std::string(field) + ": missing");
  if (!found->is_number_integer() || found->get<double>() > 9e15 || found->get<int64_t>() < least)
    throw Error(std::string(field) + ": found " + found->dump(-1, ' ', true, json::error_handler_t::replace) +
                ", expected a whole number, " + std::to_string(least) + " or more");
  return found->get<int64_t>();
}

EpochMetrics parse_line(const std::string& text, const EpochMetrics& before) {
  const json line = json::parse(text, nullptr, false);
  if (!line.is_object()) throw Error("damaged: found '" + text.substr(0, 20) + "', expected a JSON object");
  EpochMetrics metrics;
  metrics.epoch = whole(line, "epoch", before.epoch + 1);
  metrics.step = whole(line, "step", before.step + 1);
  metrics.train_loss = *number(line, "train_loss", -kAny, kAny);
  metrics.train_accuracy = *number(line, "train_accuracy", 0, 1);
  metrics.val_accuracy = number(line, "val_accuracy", 0, 1, false);
  metrics.test_accuracy = number(line, "test_accuracy", 0, 1, false);
  metrics.images_per_second = number(line, "images_per_second", 0, kAny, false);
  metrics.seconds = *number(line, "seconds", 0, kAny);
  metrics.learning_rate = *number(line, "learning_rate", 0, kAny);
  metrics.peak_rss_mib = *number(line, "peak_rss_mib", 0, kAny);
  return metrics;
}

}  // namespace

MetricsFile read_metrics(const std::string& path) {
  MetricsFile file;
  if (!std::filesystem::exists(path)) return file;
  const std::string text = read_text(path);
  EpochMetrics before;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    ++line_number;
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (end == std::string::npos && !json::accept(line)) {
      file.cut_short = true;
      break;
    }
    try {
      before = parse_line(line, before);
    } catch (const Error& error) {
      throw Error(path + ":" + std::to_string(line_number) + ": " + error.what());
    }
    file.epochs.push_back(before);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return file;
}

}  // namespace subbyte
