#include "cli/measured_run.h"

#include <fmt/format.h>

#include "base/error.h"
#include "cli/plot/figure.h"

namespace subbyte {

void add_measured_run(CLI::App& command, MeasuredRunArgs& args, const std::string& which, const std::string& batch) {
  command.add_option("RUN", args.run, "run folder (" + which + ") or .safetensors file")->required();
  add_data_options(command, args.data);
  command.add_option("--batch", args.batch, batch);
}

LoadedRun open_measured_run(const MeasuredRunArgs& args) {
  LoadedRun run = load_run(args.run);
  apply(args.data, run.config);
  if (args.batch != 0) run.config.set(*find_key("train.batch"), std::to_string(args.batch));
  run.config.finish();
  return run;
}

void require_quantized(const LoadedRun& run, const std::string& path) {
  const std::string& format = run.config.settings.format.name;
  if (!Format::parse(format).is_integer())
    throw Error(fmt::format("{}: trained in {}, so nothing in it is quantized; expected a run in an integer format (wXaYgZ)",
                            path, format));
}

RunData open_measured_data(const LoadedRun& run) {
  RunData data = open_run_data(run.config.settings);
  require_same_input(run.config.settings, data.source, *data.train);
  return data;
}

void require_batches(int64_t wanted, const TrainLoader& loader, int64_t batch) {
  if (wanted > loader.batches_per_epoch())
    throw UsageError(fmt::format("--batches: found {}, expected at most {}, the batches of {} that the data have", wanted,
                                 loader.batches_per_epoch(), batch));
}

void require_gnuplot(const std::string& plot) {
  if (!plot.empty() && !have_gnuplot())
    throw Error("--plot: gnuplot not found, expected it on the PATH (Debian package gnuplot-nox)");
}

}  // namespace subbyte
