// A training run at one moment, as a safetensors file: parameters under their names, states under theirs,
// the optimizer's velocity as "<parameter>.velocity", everything else as metadata strings.
// It holds nothing of time, place or number of threads, so equal training gives equal bytes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "nn/network.h"
#include "train/optimizer.h"

namespace subbyte {

/// Where training stands. Random numbers are functions of (seed, epoch, step), so these are the generator's state too.
struct Progress {
  int64_t epoch = 0;            ///< complete epochs
  int64_t step_in_epoch = 0;    ///< steps done of the next one
  int64_t step = 0;             ///< steps done in all
  int64_t steps_per_epoch = 0;
  double loss_sum = 0;          ///< over the steps of the unfinished epoch
  int64_t correct = 0, images = 0;
};

struct CheckpointInfo {
  std::string model, format;
  std::string config;  ///< TOML; what the run needs to be repeated, without paths and threads
  uint64_t seed = 0;
  Progress progress;
};

struct Checkpoint {
  std::string path;
  CheckpointInfo info;
  TensorFile tensors;
};

/// Throws Error for a value that is not finite (naming its tensor) or a full disk; an older file then stays.
/// `optimizer` may be null: then only inference is possible.
void save_checkpoint(const std::string& path, const CheckpointInfo& info, Network& network, const Sgd* optimizer);

/// Throws Error for a damaged file and for one that is not a checkpoint of this program.
Checkpoint load_checkpoint(const std::string& path);

/// Throws Error like "checkpoint F is of model 'resnet20' (w4a4g4), expected 'mlp' (w8a8g8)".
void check_identity(const Checkpoint& checkpoint, const std::string& model, const std::string& format);

/// Copies the tensors into the network and, where not null, the optimizer.
/// Throws Error naming the tensor that is missing or has another shape or type; the network is then unchanged.
void restore(const Checkpoint& checkpoint, Network& network, Sgd* optimizer);

/// Copies the parameters alone, of any format: where another training starts. Throws as `restore`.
void restore_parameters(const Checkpoint& checkpoint, Network& network);

}  // namespace subbyte
