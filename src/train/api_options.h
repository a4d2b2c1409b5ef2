// Between the public ModelOptions, what the network and the optimizer take, and the configuration in a checkpoint.
// Its keys are those of the command line.
#pragma once
#include <string>

#include "nn/network.h"
#include "subbyte/model.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"

namespace subbyte {

struct ModelSetup {
  ModelOptions options;
  NetworkConfig network;
  OptimizerConfig optimizer;
  std::string config;  ///< TOML for the checkpoint
};

/// Throws UsageError naming the field.
ModelSetup setup_from_options(const ModelOptions& options);

/// Throws Error naming the file and the key.
ModelSetup setup_from_checkpoint(const Checkpoint& checkpoint, int threads);

}  // namespace subbyte
