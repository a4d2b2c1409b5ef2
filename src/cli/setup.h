// From settings to the objects of a run.
#pragma once
#include <memory>
#include <string>

#include "cli/settings.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "nn/network.h"
#include "train/trainer.h"

namespace subbyte {

struct RunData {
  DataSource source;
  std::shared_ptr<const Dataset> train, val, test;  ///< val and test may be null
};

/// Opens and splits the data: the last data.val training records are held out, of the others the first data.limit are
/// used. Throws UsageError naming both numbers where they, or the batch, do not fit the data.
RunData open_run_data(const Settings& settings);

/// Fills settings.input from the data (mean and deviation of the training part).
void measure_input(Settings& settings, const RunData& data);

/// Throws Error where `data` is not what the model was trained on: image size, channels or classes.
void require_same_input(const Settings& settings, const DataSource& source, const Dataset& data);

int thread_count(const Settings& settings);
NetworkConfig network_config(const Settings& settings);
/// The network with initial parameters.
std::unique_ptr<Network> build_network(const Settings& settings);
Augmentation augmentation(const Settings& settings);
/// Without paths and identity.
TrainerConfig trainer_config(const Settings& settings);

}  // namespace subbyte
