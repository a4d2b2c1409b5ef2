#include "cli/run_measure.h"

#include <fmt/format.h>

#include "base/error.h"
#include "cli/plot/figure.h"

namespace subbyte {

void add_measure_options(CLI::App& command, RunMeasureArgs& args, const std::string& run_help, const std::string& batches_help) {
  command.add_option("RUN", args.run, run_help)->required();
  add_data_options(command, args.data);
  command.add_option("--batch", args.batch, "images a batch (default: the run's)");
  command.add_option("--batches", args.batches, fmt::format("{} (default {})", batches_help, args.batches))
      ->check(CLI::Range(1, 10000));
  command.add_option("--plot", args.plot, "write figures into this folder, as PNG and SVG")->type_name("DIR");
  command.add_flag("--json", args.json, "print one object with everything");
}

LoadedRun open_measured_run(const RunMeasureArgs& args) {
  LoadedRun run = load_run(args.run);
  apply(args.data, run.config);
  if (args.batch != 0) run.config.set(*find_key("train.batch"), std::to_string(args.batch));
  run.config.finish();
  if (!args.plot.empty() && !have_gnuplot())
    throw Error("--plot: gnuplot not found, expected it on the PATH (Debian package gnuplot-nox)");
  return run;
}

void require_batches(const RunMeasureArgs& args, const TrainLoader& loader, int64_t batch) {
  if (args.batches > loader.batches_per_epoch())
    throw UsageError(fmt::format("--batches: found {}, expected at most {}, the batches of {} that the data have", args.batches,
                                 loader.batches_per_epoch(), batch));
}

}  // namespace subbyte
