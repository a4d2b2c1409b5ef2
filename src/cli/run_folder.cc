#include "cli/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "cli/setup.h"

namespace subbyte {

namespace fs = std::filesystem;

std::string RunFolder::kept(int64_t epoch) const { return fmt::format("{}/epoch-{:03}.safetensors", path, epoch); }

std::vector<std::string> RunFolder::kept_files() const {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    int64_t epoch = 0;
    const char* digits = name.c_str() + std::min<size_t>(name.size(), 6);  // after "epoch-"
    std::from_chars(digits, name.c_str() + name.size(), epoch);
    if (epoch > 0 && name == fs::path(kept(epoch)).filename()) found.emplace_back(epoch, kept(epoch));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> files;
  for (const auto& [epoch, file] : found) files.push_back(file);
  return files;
}

void require_new_run(const RunFolder& folder, bool force) {
  if (!force && fs::exists(folder.checkpoint()))
    throw UsageError(fmt::format("{}: already holds a run; continue it with --resume {}, or replace it with --force",
                                 folder.path, folder.path));
}

void start_run_folder(const RunFolder& folder, const Settings& settings) {
  const bool existed = fs::exists(folder.path);
  make_folder(folder.path);
  try {
    for (const std::string& old : {folder.checkpoint(), folder.metrics(), folder.log()})
      if (fs::exists(old)) fs::remove(old);
    for (const std::string& old : folder.kept_files()) fs::remove(old);
    write_file(folder.config(), to_toml(settings, TomlPart::all));
  } catch (...) {
    std::error_code ignored;
    if (!existed) fs::remove_all(folder.path, ignored);
    throw;
  }
}

LoadedRun load_run(const std::string& path) {
  if (!fs::exists(path)) throw Error(fmt::format("{}: not found, expected a run folder or a .safetensors file", path));
  LoadedRun run;
  const bool folder = fs::is_directory(path);
  if (folder) {
    const RunFolder files{path};
    run.config.read_toml(read_text(files.config()), files.config());
    run.checkpoint = load_checkpoint(files.checkpoint());
    check_identity(run.checkpoint, run.config.settings.model.name, run.config.settings.format.name);
  } else {
    run.checkpoint = load_checkpoint(path);
    run.config.read_toml(run.checkpoint.info.config, path + " (config)");
  }
  run.config.finish(false);  // a program that links the library names no data set
  return run;
}

std::unique_ptr<Network> restored_network(const LoadedRun& run) {
  std::unique_ptr<Network> network = build_network(run.config.settings);
  restore(run.checkpoint, *network, nullptr);
  return network;
}

}  // namespace subbyte
