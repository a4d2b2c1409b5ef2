// subbyte analyze RUN
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "cli/analyze/output.h"
#include "cli/commands.h"
#include "cli/measured_run.h"
#include "cli/sources.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

struct AnalyzeArgs {
  MeasuredRunArgs run;
  std::string plot;
  StudyOptions study;
  bool json = false;
};

/// The twin, or why there is none.
struct Twin {
  std::unique_ptr<Network> network;
  std::string reason;
};

Twin make_twin(const Settings& settings) {
  NetworkConfig config = network_config(settings);
  config.format = Format::parse("fp32");
  try {
    return {make_network(config), ""};
  } catch (const Error& error) {
    return {nullptr, error.what()};
  }
}

/// The run's checkpoints in the order of training: kept ones, then the last. One that equals the last is not kept twice.
std::vector<Checkpoint> checkpoints_of(const LoadedRun& run, const std::string& path) {
  std::vector<Checkpoint> all;
  if (std::filesystem::is_directory(path))
    for (const std::string& file : RunFolder{path}.kept_files()) {
      Checkpoint kept = load_checkpoint(file);
      check_identity(kept, run.config.settings.model.name, run.config.settings.format.name);
      if (kept.info.progress.step < run.checkpoint.info.progress.step) all.push_back(std::move(kept));
    }
  all.push_back(run.checkpoint);
  return all;
}

const char* const kColumns =
    "octaves: widest channel range below the tensor's; channels: their number by ShiftQuant group; blocks: groups of shifts\n"
    "  over blocks of 16 elements of a channel and a sample, of gradients/activations\n"
    "VT, VC, Vopt, VS: variances of one scale for the tensor, a real scale a channel, the best groups, ShiftQuant;\n"
    "  *: with shifts over samples; VB: with shifts over blocks too, as it ran; var: measured\n"
    "chain: VC <= Vopt <= VS < 4 VC + capped channels\n"
    "bias: mean rounding error in 1e-4 steps; SNR: of gradient, activation and weight codes in dB\n"
    "weight gradient, cosines: of one step with the mean of other roundings (cos rest) and with FP32's (cos fp32); of the\n"
    "  mean of all with FP32's, and of the expectation, which has no noise left (exp): what it lacks to 1 is bias\n";

int analyze(const AnalyzeArgs& args) {
  const LoadedRun run = open_measured_run(args.run);
  require_quantized(run, args.run.run);
  const Settings& settings = run.config.settings;
  require_gnuplot(args.plot);
  const RunData data = open_measured_data(run);
  TrainLoader loader(data.train, int(settings.train.batch), augmentation(settings), uint64_t(settings.train.seed));
  LoaderSource source(loader);
  require_batches(args.study.batches, loader, settings.train.batch);
  const std::unique_ptr<Network> network = build_network(settings);
  const Twin twin = make_twin(settings);
  if (!args.json) {
    fmt::print("{} {}: {} batches of {} images, {} roundings\n{}", settings.model.name, settings.format.name,
               args.study.batches, settings.train.batch, args.study.roundings, kColumns);
    if (!twin.network) fmt::print("no FP32 gradients: {}\n", twin.reason);
  }

  std::vector<StudiedCheckpoint> studied;
  for (const Checkpoint& checkpoint : checkpoints_of(run, args.run.run)) {
    restore(checkpoint, *network, nullptr);
    studied.push_back({std::filesystem::path(checkpoint.path).stem().string(), checkpoint.info.progress,
                       study_checkpoint(*network, twin.network.get(), source, args.study)});
    if (!args.json) fmt::print("\n{}", study_table(studied.back()));
  }
  std::vector<std::string> figures;
  if (!args.plot.empty()) figures = write_study_figures(studied, args.plot);
  if (!args.json) {
    if (!figures.empty()) fmt::print("\n{} figures in {}, as PNG and SVG\n", figures.size(), args.plot);
    return 0;
  }
  nlohmann::ordered_json json = {{"run", printable_utf8(args.run.run)},
                                 {"model", settings.model.name},
                                 {"format", settings.format.name},
                                 {"batches", args.study.batches},
                                 {"batch", settings.train.batch},
                                 {"roundings", args.study.roundings},
                                 {"fp32_missing", nullptr},
                                 {"checkpoints", nlohmann::ordered_json::array()},
                                 {"figures", figures}};
  if (!twin.network) json["fp32_missing"] = twin.reason;
  for (const StudiedCheckpoint& checkpoint : studied) json["checkpoints"].push_back(study_json(checkpoint));
  fmt::print("{}\n", json.dump());
  return 0;
}

}  // namespace

void add_analyze(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand(
      "analyze", "Measure what quantization does to a trained model's gradients, activations and weights.");
  auto args = std::make_shared<AnalyzeArgs>();
  add_measured_run(*command, args->run, "each kept checkpoint, then the last", "images a batch (default: the run's)");
  command->add_option("--batches", args->study.batches, "training batches to measure (default 2)")->check(CLI::Range(1, 10000));
  command->add_option("--roundings", args->study.roundings, "roundings of each gradient and each step (default 8)")
      ->check(CLI::Range(2, 1000));
  command->add_option("--plot", args->plot, "write figures into this folder, as PNG and SVG")->type_name("DIR");
  command->add_flag("--json", args->json, "print one object with everything");
  command->callback([&line, args] { line.action = [args] { return analyze(*args); }; });
}

}  // namespace subbyte
