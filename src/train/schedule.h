// Learning rate as a pure function of the step and of the run's total: nothing to save, nothing to drift.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

struct ScheduleConfig {
  enum class Kind { constant, step, cosine, onecycle };
  Kind kind = Kind::onecycle;
  double lr = 0.1;                  ///< the highest learning rate
  double warmup = 0.3;              ///< fraction of the run that warms up, 0 <= warmup < 1
  std::vector<double> milestones;   ///< step: fractions of the run, ascending, where the rate is multiplied by gamma
  double gamma = 0.1;               ///< step
  double div = 25, final_div = 1e4; ///< onecycle: starts at lr / div, ends at lr / div / final_div
};

/// "constant", "step", "cosine", "onecycle", in the order of Kind.
const std::vector<std::string>& schedule_names();
/// Throws UsageError with the nearest name.
ScheduleConfig::Kind parse_schedule(std::string_view name);

/// Rate of step `step` (from 0) of `total`. The warm-up is linear, (step + 1) / warm-up steps of the rate, but for
/// onecycle, which rises and falls along cosines like torch.optim.lr_scheduler.OneCycleLR with pct_start = warmup.
/// cosine: falls to 0 at the end. Steps beyond the total keep the last step's rate.
double learning_rate(const ScheduleConfig& config, int64_t step, int64_t total);

}  // namespace subbyte
