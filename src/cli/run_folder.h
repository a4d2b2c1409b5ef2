// A run's folder: config.toml, metrics.jsonl, last.safetensors, log.txt; with train.keep_every epoch-NNN.safetensors too.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/config.h"
#include "nn/network.h"
#include "train/checkpoint.h"

namespace subbyte {

struct RunFolder {
  std::string path;
  std::string config() const { return path + "/config.toml"; }
  std::string metrics() const { return path + "/metrics.jsonl"; }
  std::string checkpoint() const { return path + "/last.safetensors"; }
  /// After that many epochs; kept by train.keep_every.
  std::string kept(int64_t epoch) const;
  /// The kept checkpoints that there are, by rising epoch.
  std::vector<std::string> kept_files() const;
  std::string log() const { return path + "/log.txt"; }
};

/// Throws UsageError where the folder already holds a run and `force` is false.
void require_new_run(const RunFolder& folder, bool force);

/// Creates the folder, removes an older run's files and writes config.toml.
/// Throws Error; a folder that it created itself is then removed again.
void start_run_folder(const RunFolder& folder, const Settings& settings);

struct LoadedRun {
  Config config;
  Checkpoint checkpoint;
};

/// `path` is a run folder or a checkpoint file.
/// Throws Error where its parts are missing, damaged or of different models.
LoadedRun load_run(const std::string& path);

/// The network with the checkpoint's values.
std::unique_ptr<Network> restored_network(const LoadedRun& run);

}  // namespace subbyte
