#include "cli/data_args.h"

namespace subbyte {

void add_data_options(CLI::App& command, DataArgs& args) {
  command.add_option("--data", args.data, "data set (default: the run's)");
  command.add_option("--data-dir", args.data_dir, "folder or archive of the data set (default: the run's)");
  command.add_option("--threads", args.threads, "threads; 0: all that are available (default: the run's)");
}

void apply(const DataArgs& args, Config& config) {
  const auto set = [&config](const char* key, const std::string& text) { config.set(*find_key(key), text); };
  if (!args.data.empty()) {
    if (args.data != config.settings.data.name) config.settings.data.dir.clear();  // another data set lies elsewhere
    set("data.name", args.data);
  }
  if (!args.data_dir.empty()) set("data.dir", args.data_dir);
  if (args.threads >= 0) set("train.threads", std::to_string(args.threads));
}

}  // namespace subbyte
