// Epochs, evaluation, checkpoints and resuming around a Network. It knows no data format, no terminal and no clock that
// could change a result.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nn/network.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace subbyte {

/// Training batches, all of one size; a batch stays valid until the next call.
class TrainSource {
 public:
  virtual ~TrainSource() = default;
  virtual int64_t batches_per_epoch() const = 0;
  virtual Batch get(int64_t epoch, int64_t index) = 0;
};

/// Records in a fixed order; a batch stays valid until the next call.
class EvalSource {
 public:
  virtual ~EvalSource() = default;
  virtual int64_t size() const = 0;
  virtual Batch get(int64_t begin, int count) = 0;
};

struct EvalResult {
  double loss = 0, accuracy = 0;  ///< means over the records
  int64_t count = 0;
};

/// Forward over all records in batches of at most `batch`.
EvalResult evaluate(Network& network, EvalSource& source, int batch);

struct TrainerConfig {
  int64_t epochs = 60;      ///< of the whole run: the schedule's length
  int64_t max_steps = 0;    ///< end after that many steps of the run; 0: no limit
  int64_t stop_after = 0;   ///< end after that many epochs of the run; 0: no limit
  int eval_batch = 128;
  enum class Test { never, last, every };
  /// when the test part is measured; last: where this process ends training, but not by a signal
  Test test = Test::every;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  std::string checkpoint_path, metrics_path;
  int64_t keep_every = 0;   ///< epochs between checkpoints that stay; 0: none
  std::function<std::string(int64_t epoch)> kept_path;  ///< of the checkpoint after that many epochs
  CheckpointInfo identity;  ///< model, format, config, seed
};

struct StepReport {
  Progress progress;        ///< after the step
  int64_t total_steps = 0;  ///< of the whole run
  int images = 0;           ///< of this step
  double loss = 0;          ///< of this step
  double learning_rate = 0;
};

struct TrainerData {
  TrainSource* train = nullptr;
  EvalSource* val = nullptr;   ///< may be null
  EvalSource* test = nullptr;  ///< may be null
};

struct TrainerEvents {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const char* part)> on_evaluation;  ///< before the "validation" or "test" part is measured
  /// after its line was written and before its checkpoint is saved
  std::function<void(const EpochMetrics&)> on_epoch;
};

struct TrainResult {
  Progress progress;
  std::optional<EpochMetrics> last;  ///< of the last epoch of this process, if one ended
  bool interrupted = false;          ///< by the stop flag
};

class Trainer {
 public:
  Trainer(const TrainerConfig& config, Network& network, const TrainerData& data, TrainerEvents events);

  /// Continues from a checkpoint; metrics lines after it are removed.
  /// Throws Error where it is of another model, format, seed or epoch length.
  void resume(const Checkpoint& checkpoint);

  /// Trains until the epochs or a limit are reached, or `stop` is set: it then ends after the current step with a
  /// checkpoint. Throws Error naming the step where a value is not finite; the last checkpoint stays.
  TrainResult run(const std::atomic<bool>& stop);

 private:
  bool reached_limit() const;
  void train_one_step();
  void end_epoch(bool complete, double train_seconds, int64_t images_now);
  void save();

  TrainerConfig config_;
  Network& network_;
  TrainerData data_;
  TrainerEvents events_;
  Sgd optimizer_;
  Progress progress_;
  TrainResult result_;
  double learning_rate_ = 0;
};

}  // namespace subbyte
