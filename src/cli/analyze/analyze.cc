// subbyte analyze RUN
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "cli/analyze/output.h"
#include "cli/commands.h"
#include "cli/run_measure.h"
#include "cli/setup.h"
#include "cli/sources.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

struct AnalyzeArgs : RunMeasureArgs {
  int roundings = StudyOptions{}.roundings;
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

void require_quantized(const LoadedRun& run, const std::string& path) {
  const std::string& format = run.config.settings.format.name;
  if (!Format::parse(format).is_integer())
    throw Error(fmt::format("{}: trained in {}, so nothing in it is quantized; expected a run in an integer format (wXaYgZ)",
                            path, format));
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
  const LoadedRun run = open_measured_run(args);
  require_quantized(run, args.run);
  const Settings& settings = run.config.settings;
  const StudyOptions options{args.batches, args.roundings};

  const RunData data = open_run_data(settings);
  require_same_input(settings, data.source, *data.train);
  TrainLoader loader(data.train, int(settings.train.batch), augmentation(settings), uint64_t(settings.train.seed));
  LoaderSource source(loader);
  require_batches(args, loader, settings.train.batch);
  const std::unique_ptr<Network> network = build_network(settings);
  const Twin twin = make_twin(settings);
  if (!args.json) {
    fmt::print("{} {}: {} batches of {} images, {} roundings\n{}", settings.model.name, settings.format.name,
               args.batches, settings.train.batch, args.roundings, kColumns);
    if (!twin.network) fmt::print("no FP32 gradients: {}\n", twin.reason);
  }

  std::vector<StudiedCheckpoint> studied;
  for (const Checkpoint& checkpoint : checkpoints_of(run, args.run)) {
    restore(checkpoint, *network, nullptr);
    studied.push_back({std::filesystem::path(checkpoint.path).stem().string(), checkpoint.info.progress,
                       study_checkpoint(*network, twin.network.get(), source, options)});
    if (!args.json) fmt::print("\n{}", study_table(studied.back()));
  }
  std::vector<std::string> figures;
  if (!args.plot.empty()) figures = write_study_figures(studied, args.plot);
  if (!args.json) {
    if (!figures.empty()) fmt::print("\n{} figures in {}, as PNG and SVG\n", figures.size(), args.plot);
    return 0;
  }
  nlohmann::ordered_json json = {{"run", printable_utf8(args.run)},
                                 {"model", settings.model.name},
                                 {"format", settings.format.name},
                                 {"batches", args.batches},
                                 {"batch", settings.train.batch},
                                 {"roundings", args.roundings},
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
  args->batches = StudyOptions{}.batches;
  add_measure_options(*command, *args, "run folder (each kept checkpoint, then the last) or .safetensors file",
                      "training batches to measure");
  command->add_option("--roundings", args->roundings, "roundings of each gradient and each step (default 8)")
      ->check(CLI::Range(2, 1000));
  command->callback([&line, args] { line.action = [args] { return analyze(*args); }; });
}

}  // namespace subbyte
