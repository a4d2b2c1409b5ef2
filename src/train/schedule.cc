#include "train/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/names.h"
#include "nn/portable_math.h"

namespace subbyte {
namespace {

/// From `start` at 0 to `end` at 1 along half a cosine.
double cosine_between(double start, double end, double fraction) {
  return end + (start - end) * 0.5 * (1.0 + portable_cos_turn(fraction * 0.5));
}

double onecycle(const ScheduleConfig& config, int64_t step, int64_t total) {
  const double first = config.lr / config.div, last = first / config.final_div;
  const double peak = std::max(0.0, config.warmup * double(total) - 1.0), end = double(total) - 1.0;
  const double at = double(step);
  if (at < peak) return cosine_between(first, config.lr, at / peak);
  return cosine_between(config.lr, last, end > peak ? (at - peak) / (end - peak) : 1.0);
}

double after_warmup(const ScheduleConfig& config, int64_t step, int64_t total, int64_t warmup_steps) {
  if (config.kind == ScheduleConfig::Kind::step) {
    double rate = config.lr;
    for (double milestone : config.milestones)
      if (double(step) >= milestone * double(total)) rate *= config.gamma;
    return rate;
  }
  if (config.kind == ScheduleConfig::Kind::cosine)
    return cosine_between(config.lr, 0.0, double(step - warmup_steps) / double(total - warmup_steps));
  return config.lr;
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "step", "cosine", "onecycle"};
  return names;
}

ScheduleConfig::Kind parse_schedule(std::string_view name) {
  const std::vector<std::string>& names = schedule_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw UsageError("schedule.name: found '" + std::string(name) + "', expected constant, step, cosine or onecycle" +
                     did_you_mean(name, names));
  return static_cast<ScheduleConfig::Kind>(found - names.begin());
}

double learning_rate(const ScheduleConfig& config, int64_t step, int64_t total) {
  step = std::clamp<int64_t>(step, 0, std::max<int64_t>(0, total - 1));
  if (config.kind == ScheduleConfig::Kind::onecycle) return onecycle(config, step, total);
  const auto warmup_steps = static_cast<int64_t>(config.warmup * double(total));
  if (step < warmup_steps) return config.lr * double(step + 1) / double(warmup_steps);
  return after_warmup(config, step, total, warmup_steps);
}

}  // namespace subbyte
