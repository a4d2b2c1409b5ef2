// subbyte sharpness RUN
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/measured_run.h"
#include "cli/sharpness/output.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

struct SharpnessArgs {
  MeasuredRunArgs run;
  std::string plot;
  int batches = 4;
  SharpnessOptions options;
  bool json = false;
};

/// The FP32 network of the run's model and normalization with the checkpoint's parameters.
std::unique_ptr<Network> twin_of(const LoadedRun& run) {
  Settings settings = run.config.settings;
  settings.format.name = "fp32";
  settings.evaluation.folded = false;
  std::unique_ptr<Network> network = build_network(settings);
  restore_parameters(run.checkpoint, *network);
  for (const Param& param : network->params())
    for (float value : param.value)
      if (!std::isfinite(value))
        throw Error(fmt::format("{}: parameter '{}': found {}, expected a finite number", run.checkpoint.path, param.name,
                                value));
  return network;
}

/// The first batches of an order that follows from `seed` and the number of records alone, so that runs are measured on the
/// same records whatever their own seeds are.
std::vector<LoadedBatch> fixed_batches(const RunData& data, int batch, const SharpnessArgs& args) {
  TrainLoader loader(data.train, batch, {}, args.options.seed);
  require_batches(args.batches, loader, batch);
  std::vector<LoadedBatch> batches;
  for (int b = 0; b < args.batches; ++b) batches.push_back(loader.get(0, b));
  return batches;
}

void say(const std::string& text) {
  fmt::print("{}", text);
  std::fflush(stdout);  // what is measured takes its time
}

SharpnessEvents spoken_events() {
  SharpnessEvents events;
  events.on_point = [](const Sharpness& s) { say(point_line(s)); };
  events.on_iteration = [](const TopEigenvalue& so_far) { say(iteration_line(so_far)); };
  events.on_direction = [number = 0](const DirectionCurve& d) mutable {
    say(fmt::format("direction {}: curvature {:.4f} at 0\n", ++number, d.curvature));
  };
  return events;
}

nlohmann::ordered_json head_json(const SharpnessArgs& args, const LoadedRun& run, int64_t records) {
  const Settings& settings = run.config.settings;
  return {{"run", printable_utf8(args.run.run)},
          {"model", settings.model.name},
          {"format", settings.format.name},
          {"norm", settings.norm.kind},
          {"run_seed", settings.train.seed},
          {"epoch", run.checkpoint.info.progress.epoch},
          {"step", run.checkpoint.info.progress.step},
          {"batch", settings.train.batch},
          {"batches", args.batches},
          {"records", args.batches * settings.train.batch},
          {"records_of", records},
          {"seed", args.options.seed},
          {"tolerance", args.options.tolerance},
          {"relative_step", args.options.step}};
}

int sharpness(const SharpnessArgs& args) {
  const LoadedRun run = open_measured_run(args.run);
  const Settings& settings = run.config.settings;
  require_gnuplot(args.plot);
  const std::unique_ptr<Network> network = twin_of(run);
  const RunData data = open_measured_data(run);
  const std::vector<LoadedBatch> batches = fixed_batches(data, int(settings.train.batch), args);

  const std::string name = fmt::format("{} {}, norm {}", settings.model.name, settings.format.name, settings.norm.kind);
  if (!args.json)
    say(fmt::format("{}, {} epochs: its parameters in FP32, {} batches of {} of the {} training records, no augmentation\n",
                    name, run.checkpoint.info.progress.epoch, args.batches, settings.train.batch, data.train->size()));
  const SharpnessEvents events = args.json ? SharpnessEvents{} : spoken_events();
  const Sharpness found = measure_sharpness(*network, batches, args.options, events);
  if (!args.json) say(top_line(found.top) + direction_table(found));
  std::vector<std::string> figures;
  if (!args.plot.empty()) {
    make_folder(args.plot);
    figures.push_back("landscape");
    write_figure(landscape_figure(found, name), args.plot + "/" + figures[0]);
    if (!args.json) say(fmt::format("{}/landscape, as PNG and SVG\n", args.plot));
  }
  if (args.json) {
    nlohmann::ordered_json json = head_json(args, run, data.train->size());
    json.update(sharpness_json(found));
    json["figures"] = figures;
    say(json.dump() + "\n");
  }
  return 0;
}

}  // namespace

void add_sharpness(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand(
      "sharpness", "Measure how sharply the loss bends around a trained model's parameters, in FP32.");
  auto args = std::make_shared<SharpnessArgs>();
  SharpnessOptions& options = args->options;
  add_measured_run(*command, args->run, "its last checkpoint",
                   "images a batch, normalized together (default: the run's)");
  command->add_option("--batches", args->batches, "training batches, without augmentation (default 4)")
      ->check(CLI::Range(1, 10000));
  command->add_option("--iterations", options.iterations, "of the power iteration, at most (default 20)")
      ->check(CLI::Range(1, 10000));
  command->add_option("--tolerance", options.tolerance, "relative change of the eigenvalue that ends it (default 0.01)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--step", options.step, "of central differences, in lengths of the parameters (default 0.002)")
      ->check(CLI::Range(1e-7, 1.0));
  command->add_option("--directions", options.directions, "filter-normalized random directions (default 3)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--range", options.range, "how far to follow them, in each filter's length (default 1)")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options.seed, "of the records, the start vector and the directions (default 1)");
  command->add_option("--plot", args->plot, "write a figure into this folder, as PNG and SVG")->type_name("DIR");
  command->add_flag("--json", args->json, "print one object with everything");
  command->callback([&line, args] { line.action = [args] { return sharpness(*args); }; });
}

}  // namespace subbyte
