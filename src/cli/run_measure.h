// What commands that measure a trained run on its training data share: their options, and the run that these open.
#pragma once
#include <string>

#include "cli/data_args.h"
#include "cli/run_folder.h"
#include "data/loader.h"

namespace subbyte {

struct RunMeasureArgs {
  std::string run, plot;  ///< plot: folder of figures; empty: none
  DataArgs data;
  int batch = 0;          ///< images a batch; 0: the run's
  int batches = 0;        ///< training batches; the default is the command's
  bool json = false;
};

/// Adds RUN, the data's options, --batch, --batches, --plot and --json to `command`; the texts say what is the command's own.
/// `args.batches` holds the default.
void add_measure_options(CLI::App& command, RunMeasureArgs& args, const std::string& run_help, const std::string& batches_help);

/// The run with the options applied. Throws where it cannot be read, or where --plot has no program to draw with.
LoadedRun open_measured_run(const RunMeasureArgs& args);

/// Throws UsageError where the data have fewer batches than --batches.
void require_batches(const RunMeasureArgs& args, const TrainLoader& loader, int64_t batch);

}  // namespace subbyte
