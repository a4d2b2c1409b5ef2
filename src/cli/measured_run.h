// What commands have in common that measure a trained run on data: `analyze`, `sharpness`, `fpga schedule`.
#pragma once
#include <string>

#include "cli/data_args.h"
#include "cli/run_folder.h"
#include "cli/setup.h"

namespace subbyte {

struct MeasuredRunArgs {
  std::string run;
  DataArgs data;
  int batch = 0;            ///< 0: the run's
};

/// RUN, the data's options and --batch; `which` says what of a run's folder is read, `batch` what the batch is.
void add_measured_run(CLI::App& command, MeasuredRunArgs& args, const std::string& which, const std::string& batch);

/// The run with what was given in place of its own settings. Throws Error, UsageError.
LoadedRun open_measured_run(const MeasuredRunArgs& args);

/// Throws Error where nothing in the run is quantized.
void require_quantized(const LoadedRun& run, const std::string& path);

/// The data, of the images that the model was trained on. Throws Error, UsageError.
RunData open_measured_data(const LoadedRun& run);

/// Throws UsageError naming --batches where the data have fewer.
void require_batches(int64_t wanted, const TrainLoader& loader, int64_t batch);

/// Throws Error where figures are wanted (a folder is given) and there is no gnuplot.
void require_gnuplot(const std::string& plot);

}  // namespace subbyte
