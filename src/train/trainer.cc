#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "train/memory.h"

namespace subbyte {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Six digits at most: "0.1", "1e+30".
std::string short_text(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

/// For a loss that is not finite although the network named no layer: the first parameter that explains it.
std::string first_not_finite(const std::vector<Param>& params) {
  for (const Param& param : params)
    for (float value : param.value)
      if (!std::isfinite(value)) return ", first in parameter '" + param.name + "'";
  return "";
}

}  // namespace

Trainer::Trainer(const TrainerConfig& config, Network& network, const TrainerData& data, TrainerEvents events)
    : config_(config),
      network_(network),
      data_(data),
      events_(std::move(events)),
      optimizer_(config.optimizer, network.params()) {
  progress_.steps_per_epoch = data_.train->batches_per_epoch();
}

void Trainer::resume(const Checkpoint& checkpoint) {
  const CheckpointInfo& info = checkpoint.info;
  check_identity(checkpoint, config_.identity.model, config_.identity.format);
  if (info.seed != config_.identity.seed)
    throw Error(checkpoint.path + ": found seed " + std::to_string(info.seed) + ", expected " +
                std::to_string(config_.identity.seed));
  if (info.progress.steps_per_epoch != progress_.steps_per_epoch)
    throw Error(checkpoint.path + ": found " + std::to_string(info.progress.steps_per_epoch) +
                " batches an epoch, expected " + std::to_string(progress_.steps_per_epoch) + " of this data");
  const Progress& at = info.progress;
  if (at.step_in_epoch >= at.steps_per_epoch || at.step != at.epoch * at.steps_per_epoch + at.step_in_epoch)
    throw Error(checkpoint.path + ": found step " + std::to_string(at.step) + ", which is not step " +
                std::to_string(at.step_in_epoch) + " of epoch " + std::to_string(at.epoch));
  restore(checkpoint, network_, &optimizer_);
  progress_ = info.progress;
  trim_metrics(config_.metrics_path, progress_.epoch);
}

bool Trainer::reached_limit() const {
  return progress_.epoch >= config_.epochs || (config_.max_steps > 0 && progress_.step >= config_.max_steps) ||
         (config_.stop_after > 0 && progress_.epoch >= config_.stop_after);
}

void Trainer::train_one_step() {
  const int64_t total = config_.epochs * progress_.steps_per_epoch;
  learning_rate_ = learning_rate(config_.schedule, progress_.step, total);
  const Batch batch = data_.train->get(progress_.epoch, progress_.step_in_epoch);
  StepResult step;
  try {
    step = network_.train_step(batch, static_cast<uint64_t>(progress_.step));
    if (!std::isfinite(step.loss))
      throw Error("the loss is " + std::to_string(step.loss) + first_not_finite(network_.params()));
    optimizer_.step(network_.params(), static_cast<float>(learning_rate_), network_.threads());
  } catch (const Error& error) {
    const bool saved = std::filesystem::exists(config_.checkpoint_path);
    throw Error("step " + std::to_string(progress_.step + 1) + " (epoch " + std::to_string(progress_.epoch + 1) +
                ", learning rate " + short_text(learning_rate_) + "): " + error.what() +
                (saved ? "; the last good checkpoint stays in " + config_.checkpoint_path
                       : "; no checkpoint was written yet"));
  }
  ++progress_.step;
  ++progress_.step_in_epoch;
  progress_.loss_sum += step.loss;
  progress_.correct += step.correct;
  progress_.images += batch.count;
  if (events_.on_step) events_.on_step({progress_, total, batch.count, step.loss, learning_rate_});
}

void Trainer::save() {
  CheckpointInfo info = config_.identity;
  info.progress = progress_;
  const bool kept = config_.keep_every > 0 && progress_.step_in_epoch == 0 && progress_.epoch > 0 &&
                    progress_.epoch % config_.keep_every == 0;
  // Before the last one, so that a run that is killed between the two still keeps this epoch when it goes on.
  if (kept) save_checkpoint(config_.kept_path(progress_.epoch), info, network_, &optimizer_);
  save_checkpoint(config_.checkpoint_path, info, network_, &optimizer_);
  result_.progress = progress_;
}

/// Measures and writes the line of an epoch that is complete or that a limit cut short.
void Trainer::end_epoch(bool complete, double train_seconds, int64_t images_now) {
  const Clock::time_point start = Clock::now();
  EpochMetrics metrics;
  metrics.epoch = progress_.epoch + 1;
  metrics.step = progress_.step;
  metrics.train_loss = progress_.loss_sum / double(progress_.step_in_epoch);
  metrics.train_accuracy = double(progress_.correct) / double(progress_.images);
  metrics.learning_rate = learning_rate_;
  if (train_seconds > 0) metrics.images_per_second = double(images_now) / train_seconds;
  const auto measure = [&](EvalSource* source, const char* part) -> std::optional<double> {
    if (source == nullptr || source->size() == 0) return std::nullopt;
    if (events_.on_evaluation) events_.on_evaluation(part);
    return evaluate(network_, *source, config_.eval_batch).accuracy;
  };

  if (complete) {
    ++progress_.epoch;
    progress_.step_in_epoch = 0;
    progress_.loss_sum = 0;
    progress_.correct = progress_.images = 0;
  }
  metrics.val_accuracy = measure(data_.val, "validation");
  if (config_.test == TrainerConfig::Test::every || (config_.test == TrainerConfig::Test::last && reached_limit()))
    metrics.test_accuracy = measure(data_.test, "test");
  metrics.seconds = train_seconds + seconds_since(start);
  metrics.peak_rss_mib = peak_rss_mib();
  append_metrics(config_.metrics_path, metrics);
  if (events_.on_epoch) events_.on_epoch(metrics);
  result_.last = metrics;
}

TrainResult Trainer::run(const std::atomic<bool>& stop) {
  result_ = {progress_, std::nullopt, false};
  while (!reached_limit()) {
    const Clock::time_point start = Clock::now();
    const int64_t images_before = progress_.images;
    bool complete = false, limited = false;
    do {
      train_one_step();
      complete = progress_.step_in_epoch == progress_.steps_per_epoch;
      limited = reached_limit();
    } while (!complete && !limited && !stop.load());

    if (complete || limited) end_epoch(complete, seconds_since(start), progress_.images - images_before);
    save();
    result_.interrupted = stop.load() && !reached_limit();
    if (result_.interrupted) break;
  }
  return result_;
}

}  // namespace subbyte
