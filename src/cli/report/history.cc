#include "cli/report/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "cli/config.h"
#include "cli/run_folder.h"

namespace subbyte {
namespace {

namespace fs = std::filesystem;

/// Absolute, without "." and "..", without a slash at its end.
fs::path plain_path(const std::string& path) {
  const fs::path plain = fs::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

void require_different(const std::vector<std::string>& paths) {
  std::map<fs::path, std::string> seen;
  for (const std::string& path : paths) {
    const auto [before, is_new] = seen.emplace(fs::weakly_canonical(plain_path(path)), path);
    if (!is_new)
      throw UsageError(fmt::format("{}: is the same run as {}, expected every run once", path, before->second));
  }
}

RunHistory load_history(const std::string& path) {
  if (!fs::is_directory(path))
    throw Error(fmt::format("{}: {}, expected a run folder", path, fs::exists(path) ? "found a file" : "not found"));
  const RunFolder folder{path};
  Config config;
  config.read_toml(read_text(folder.config()), folder.config());
  try {
    config.finish(false);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", folder.config(), error.what()));
  }
  MetricsFile metrics = read_metrics(folder.metrics());
  return {path, "", config.settings, std::move(metrics.epochs), metrics.cut_short};
}

}  // namespace

bool RunHistory::last_is_partial() const {
  if (epochs.size() < 2) return false;
  const EpochMetrics &first = epochs.front(), &before = epochs[epochs.size() - 2], &last = epochs.back();
  return (last.step - before.step) * first.epoch < first.step * (last.epoch - before.epoch);
}

double RunHistory::seconds() const {
  double sum = 0;
  for (const EpochMetrics& epoch : epochs) sum += epoch.seconds;
  return sum;
}

double RunHistory::peak_rss_mib() const {
  double peak = 0;
  for (const EpochMetrics& epoch : epochs) peak = std::max(peak, epoch.peak_rss_mib);
  return peak;
}

std::optional<double> RunHistory::images_per_second() const {
  std::vector<double> rates;
  for (const EpochMetrics& epoch : epochs)
    if (epoch.images_per_second) rates.push_back(*epoch.images_per_second);
  if (rates.empty()) return std::nullopt;
  std::sort(rates.begin(), rates.end());
  const size_t middle = rates.size() / 2;
  return rates.size() % 2 == 1 ? rates[middle] : (rates[middle - 1] + rates[middle]) / 2;
}

std::vector<std::string> distinct_names(const std::vector<std::string>& paths) {
  std::vector<std::vector<std::string>> parts;
  size_t shared = std::string::npos;
  for (const std::string& path : paths) {
    std::vector<std::string>& own = parts.emplace_back();
    for (const fs::path& part : plain_path(path).relative_path()) own.push_back(part.string());
    if (own.empty()) own.push_back("/");
    shared = std::min(shared, own.size() - 1);
  }
  for (const auto& own : parts)
    shared = size_t(std::mismatch(own.begin(), own.begin() + long(shared), parts[0].begin()).first - own.begin());
  std::vector<std::string> names;
  for (const auto& own : parts) names.push_back(fmt::format("{}", fmt::join(own.begin() + long(shared), own.end(), "/")));
  return names;
}

std::vector<RunHistory> load_histories(const std::vector<std::string>& paths) {
  require_different(paths);
  std::vector<RunHistory> runs;
  for (const std::string& path : paths) runs.push_back(load_history(path));
  const std::vector<std::string> names = distinct_names(paths);
  for (size_t i = 0; i < runs.size(); ++i) runs[i].name = names[i];
  return runs;
}

}  // namespace subbyte
