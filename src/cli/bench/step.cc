// subbyte bench step: whole training steps with data at hand, the optimizer's update included.
#include "cli/bench/step.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/isa.h"
#include "cli/bench/measure.h"
#include "cli/bench/random_batch.h"
#include "cli/setup.h"
#include "nn/macs.h"
#include "train/memory.h"
#include "train/optimizer.h"

namespace subbyte::bench {
namespace {

constexpr int warm_up = 3, least_steps = 20;
constexpr double least_seconds = 2;
constexpr float rate = 0.05f;

const PeakLoop& loop_of(const Format& format, const PeakKernels& kernels) {
  if (format.is_integer()) return kernels.dot8;
  return format.kind == Format::Kind::bf16 && kernels.bf16.instruction ? kernels.bf16 : kernels.fp32;
}

/// Trains on one batch, as Trainer does, and keeps the time of each step after the first few.
class Steps {
 public:
  Steps(Network& network, int batch, int threads)
      : network_(network), optimizer_({}, network.params()), data_(network.model(), batch),
        profile_(threads, int(network.model().nodes.size()) + 1) {}

  void run(int64_t steps, bool profiled) {
    for (int i = 0; i < warm_up; ++i) one_step(nullptr);
    if (profiled) network_.set_profile(&profile_);
    const Clock::time_point begin = Clock::now();
    const auto more = [&] {
      const int64_t done = int64_t(seconds.size());
      return steps > 0 ? done < steps : done < least_steps || seconds_since(begin) < least_seconds;
    };
    while (more()) {
      const Clock::time_point start = Clock::now();
      one_step(profiled ? &profile_ : nullptr);
      seconds.push_back(seconds_since(start));
    }
    network_.set_profile(nullptr);
  }
  const Profile& profile() const { return profile_; }

  std::vector<double> seconds, losses;

 private:
  void one_step(Profile* profile) {
    const StepResult result = network_.train_step(data_.batch, losses.size());
    if (!std::isfinite(result.loss)) throw Error(fmt::format("the loss of step {} is not finite", losses.size() + 1));
    losses.push_back(result.loss);
    const Clock::time_point start = Clock::now();
    optimizer_.step(network_.params(), rate, network_.threads());
    if (!profile) return;
    const int threads = network_.threads() ? network_.threads()->size() : 1;  // all of them are at it
    for (int t = 0; t < threads; ++t) profile->at(t, profile->nodes() - 1, Phase::update).seconds += seconds_since(start);
  }

  Network& network_;
  Sgd optimizer_;
  RandomBatch data_;
  Profile profile_;
};

int64_t saved_bytes(const Network& network) {
  int64_t bytes = 0;
  for (const LayerInfo& layer : network.layers()) bytes += layer.saved_bytes_per_image;
  return bytes;
}

}  // namespace

Json run_step(const Args& args) {
  const Settings settings = settings_of(args, args.size > 0 ? args.size : default_size);
  const NetworkConfig config = network_config(settings);
  const PeakKernels& kernels = peak_kernels(selected_isa());
  const PeakLoop& loop = loop_of(config.format, kernels);
  ThreadPool pool(config.threads);
  const double peak = loop_gmacs(pool, loop);

  const std::unique_ptr<Network> network = build_network(settings);
  const int batch = int(args.batch);
  Steps steps(*network, batch, config.threads);
  steps.run(args.steps, args.profile);
  const Timing time = timing_of(steps.seconds);
  const double images = batch / time.median, memory = peak_rss_mib();
  const double gmacs = double(model_macs(config.model).total()) * batch / time.median / 1e9;
  const int64_t saved = saved_bytes(*network) * batch;
  const std::string check = check_steps(settings);  // last: its networks are not in the memory's peak

  fmt::print("check: {}\n", check);
  fmt::print("{} {} {}, {}x{} pixels, batch {}, {} threads, {}: {:.1f} images/s", args.model, args.format, args.norm,
             settings.input.height, settings.input.width, batch, config.threads, isa_name(selected_isa()), images);
  if (peak > 0)
    fmt::print(", {:.1f} GMAC/s, {:.1f}% of the {:.1f} that {} reaches", gmacs, 100 * gmacs / peak, peak, loop.instruction);
  fmt::print("\nstep   {:.2f} ms median, {:.2f} to {:.2f} over {} steps{}\n", 1e3 * time.median, 1e3 * time.min,
             1e3 * time.max, time.runs, args.profile ? " (profiled: reading the clocks costs a little)" : "");
  fmt::print("images {:.1f} to {:.1f} a second\n", batch / time.max, batch / time.min);
  fmt::print("memory {:.0f} MiB at most, {:.1f} MiB saved for backward ({} bytes an image)\n", memory,
             double(saved) / (1 << 20), saved / batch);
  fmt::print("loss   {:.4f} to {:.4f} in {} steps on one batch\n", steps.losses.front(), steps.losses.back(),
             steps.losses.size());

  Json json = {{"model", args.model},
               {"format", args.format},
               {"norm", args.norm},
               {"size", settings.input.height},
               {"classes", args.classes},
               {"batch", batch},
               {"steps", time.runs},
               {"images_per_second", images},
               {"images_per_second_range", {batch / time.max, batch / time.min}},
               {"seconds_per_step", {{"min", time.min}, {"median", time.median}, {"max", time.max}}},
               {"gmacs", gmacs},
               {"peak_gmacs", peak},
               {"share_of_peak", peak > 0 ? Json(gmacs / peak) : Json(nullptr)},
               {"peak_instruction", loop.instruction ? loop.instruction : ""},
               {"peak_rss_mib", memory},
               {"saved_activation_bytes", saved},
               {"loss_first", steps.losses.front()},
               {"loss_last", steps.losses.back()},
               {"check", check},
               {"profiled", args.profile}};
  if (args.profile) {
    double mean = 0;
    for (const double seconds : steps.seconds) mean += seconds / double(steps.seconds.size());
    const ProfiledRun run{steps.profile(), network->model(), config.threads, batch, time.runs, mean, peak};
    print_profile(run);
    json["profile"] = profile_json(run);
  }
  return json;
}

}  // namespace subbyte::bench
