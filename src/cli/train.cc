// subbyte train
#include <fmt/format.h>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/dry_run.h"
#include "cli/run_folder.h"
#include "cli/setup.h"
#include "cli/signals.h"
#include "cli/sources.h"
#include "cli/start_lines.h"
#include "cli/train_log.h"
#include "train/memory.h"

namespace subbyte {
namespace {

struct TrainArgs {
  std::string config, resume, out;
  std::vector<std::string> assignments;
  std::vector<std::pair<const Key*, CLI::Option*>> flags;
  bool force = false, json = false, dry_run = false;
};

/// Flags and --set, in that order of precedence from low to high.
void apply_arguments(const TrainArgs& args, Config& config) {
  for (const auto& [key, option] : args.flags)
    if (option->count() > 0) config.set(*key, option->as<std::string>());
  for (const std::string& assignment : args.assignments) config.set(assignment);
}

/// A copy of only what the command line set, to find what a resumed run may not change.
void require_resumable(const TrainArgs& args) {
  Config given;
  apply_arguments(args, given);
  for (const Key& key : keys())
    if (key.scope == Scope::recipe && given.is_set(key.name))
      throw UsageError(fmt::format("{}: cannot change in a resumed run; --epochs, --stop-after, --max-steps, "
                                   "--threads, --data-dir, evaluation.test and evaluation.batch can", key.name));
}

void make_absolute(std::string& path) {
  if (!path.empty()) path = std::filesystem::absolute(path).lexically_normal().string();
}

Config new_config(const TrainArgs& args) {
  Config config;
  if (!args.config.empty()) config.read_toml(read_text(args.config), args.config);
  apply_arguments(args, config);
  return config;
}

/// The run's own configuration; what ended the last process does not end this one.
Config resumed_config(const TrainArgs& args, const RunFolder& folder) {
  require_resumable(args);
  Config config;
  config.read_toml(read_text(folder.config()), folder.config());
  config.settings.train.max_steps = config.settings.train.stop_after = 0;
  apply_arguments(args, config);
  return config;
}

std::string default_folder(const Settings& s) {
  return fmt::format("runs/{}-{}-{}-seed{}", s.model.name, s.data.name, s.format.name, s.train.seed);
}

/// Throws Error where the data are not those that the run began with.
void require_same_data(const Settings& before, const Settings& now) {
  if (before.input.mean != now.input.mean || before.input.stddev != now.input.stddev ||
      before.input.classes != now.input.classes)
    throw Error(fmt::format("data '{}' differs from the data that this run began with (mean or deviation of its "
                            "pixels)", now.data.name));
}

void require_epochs_left(const Settings& settings, const Progress& progress) {
  if (progress.epoch >= settings.train.epochs)
    throw UsageError(fmt::format("train.epochs: found {}, but the run has already trained {}; expected more",
                                 settings.train.epochs, progress.epoch));
}

void print_end(TrainLog& log, const TrainResult& result, const RunFolder& folder) {
  if (result.interrupted)
    log.line(fmt::format("stopped by a signal at step {} (epoch {}); continue with: subbyte train --resume {}",
                           result.progress.step, result.progress.epoch + 1, folder.path));
  std::string text;
  const std::optional<EpochMetrics>& last = result.last;
  if (last && last->test_accuracy) text = fmt::format("test accuracy {:.2f}%, ", 100 * *last->test_accuracy);
  else if (last && last->val_accuracy) text = fmt::format("validation accuracy {:.2f}%, ", 100 * *last->val_accuracy);
  log.line(fmt::format("{}{:.0f} images/s, peak memory {:.0f} MiB, saved in {}", text, log.images_per_second(),
                         peak_rss_mib(), folder.path));
}

void print_json(const TrainLog& log, const TrainResult& result, const Settings& settings, const RunFolder& folder) {
  nlohmann::ordered_json json = {{"run", folder.path},
                                 {"epoch", result.progress.epoch},
                                 {"step", result.progress.step},
                                 {"finished", result.progress.epoch >= settings.train.epochs},
                                 {"interrupted", result.interrupted},
                                 {"images_per_second", log.images_per_second()},
                                 {"peak_rss_mib", peak_rss_mib()}};
  if (result.last) json["last_epoch"] = nlohmann::ordered_json::parse(metrics_line(*result.last));
  fmt::print("{}\n", json.dump());
}

int train(const TrainArgs& args) {
  Resident resident{rss_bytes(), 0};
  const bool resuming = !args.resume.empty();
  RunFolder folder{args.resume};
  Config config = resuming ? resumed_config(args, folder) : new_config(args);
  config.finish();
  Settings& settings = config.settings;
  settings.version = SUBBYTE_VERSION;
  make_absolute(settings.data.dir);
  make_absolute(settings.train.init);
  if (!resuming) {
    folder.path = args.out.empty() ? default_folder(settings) : args.out;
    if (!args.dry_run) require_new_run(folder, args.force);
  }

  // All that can be wrong with the request is found before the run's folder changes.
  const RunData data = open_run_data(settings);
  const Settings before = settings;
  measure_input(settings, data);
  if (resuming) require_same_data(before, settings);
  return_freed_memory();  // of reading the data
  resident.with_data = rss_bytes();
  std::unique_ptr<Network> network = build_network(settings);
  if (!resuming && !settings.train.init.empty()) restore_parameters(load_run(settings.train.init).checkpoint, *network);
  if (args.dry_run) {
    print_memory_plan(settings, data, *network, resident, args.json);
    return 0;
  }

  TrainLoader loader(data.train, int(settings.train.batch), augmentation(settings), uint64_t(settings.train.seed));
  LoaderSource train_source(loader);
  DatasetSource val(data.val), test(data.test);
  TrainLog log(args.json ? stderr : stdout, folder.log(), settings.train.log_every, settings.train.epochs);
  TrainerConfig trainer_settings = trainer_config(settings);
  trainer_settings.checkpoint_path = folder.checkpoint();
  trainer_settings.metrics_path = folder.metrics();
  trainer_settings.kept_path = [&folder](int64_t epoch) { return folder.kept(epoch); };
  trainer_settings.identity = {settings.model.name, settings.format.name, to_toml(settings, TomlPart::checkpoint),
                               uint64_t(settings.train.seed), {}};
  Trainer trainer(trainer_settings, *network, {&train_source, &val, &test},
                  {[&log](const StepReport& report) { log.on_step(report); },
                   [&log](const char* part) { log.on_evaluation(part); },
                   [&log](const EpochMetrics& metrics) { log.on_epoch(metrics); }});
  if (resuming) {
    const Checkpoint checkpoint = load_checkpoint(folder.checkpoint());
    require_epochs_left(settings, checkpoint.info.progress);
    trainer.resume(checkpoint);
    write_file(folder.config(), to_toml(settings, TomlPart::all));
  } else {
    start_run_folder(folder, settings);
  }

  for (const std::string& text : start_lines(settings, data, *network, loader.batches_per_epoch())) log.line(text);
  install_stop_signals();
  const TrainResult result = trainer.run(stop_requested());
  print_end(log, result, folder);
  if (args.json) print_json(log, result, settings, folder);
  return 0;
}

std::string settings_help() {
  Settings defaults;
  std::string text = "Keys of run.toml and --set (section.key, default):\n";
  for (const Key& key : keys())
    if (key.scope != Scope::measured)
      text += fmt::format("  {:<26} {:<14} {}\n", key.name, value_text(key, defaults), key.help);
  return text;
}

}  // namespace

void add_train(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("train", "Train a model, or continue a run.");
  auto args = std::make_shared<TrainArgs>();
  command->add_option("--config", args->config, "TOML file; flags and --set win over it")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command->add_option("--set", args->assignments, "section.key=value, any number of times")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  for (const Key& key : keys()) {
    if (*key.flag == '\0') continue;
    CLI::Option* option = command->add_option(key.flag, key.help)->type_name(type_text(key))->take_last();
    args->flags.emplace_back(&key, option);
  }
  CLI::Option* out = command->add_option("--out", args->out, "run folder (default runs/MODEL-DATA-FORMAT-seedN)");
  out->type_name("RUN");
  CLI::Option* resume = command->add_option("--resume", args->resume, "continue the run in this folder, bit for bit");
  resume->type_name("RUN")->excludes(out)->excludes("--config");
  command->add_flag("--force", args->force, "replace a run that is already in the folder");
  command->add_flag("--dry-run", args->dry_run, "only print what the run would hold in memory, in bytes; change no file");
  command->add_flag("--json", args->json,
      "end with one JSON object on standard output; all else goes to standard error");
  command->footer(settings_help());
  command->callback([&line, args] { line.action = [args] { return train(*args); }; });
}

}  // namespace subbyte
