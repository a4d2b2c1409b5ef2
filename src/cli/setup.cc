#include "cli/setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/threads.h"
#ifdef SUBBYTE_WITH_FLOAT
#include "nn/float/register.h"
#endif

namespace subbyte {

RunData open_run_data(const Settings& settings) {
  RunData data;
  data.source = open_data({settings.data.name, settings.data.dir, int(settings.data.image_size), true});
  const int64_t all = data.source.train->size(), val = settings.data.val;
  if (val >= all)
    throw UsageError(
        fmt::format("data.val: found {}, expected less than {}, the number of training records", val, all));
  int64_t kept = all - val;
  if (settings.data.limit > 0) kept = std::min(kept, settings.data.limit);
  if (settings.train.batch > kept)
    throw UsageError(fmt::format("train.batch: found {}, expected at most {}, the number of training records",
                                 settings.train.batch, kept));
  data.train = slice(data.source.train, 0, kept);
  if (val > 0) data.val = slice(data.source.train, all - val, all);
  data.test = data.source.test;
  return data;
}

void measure_input(Settings& settings, const RunData& data) {
  const ChannelStatistics statistics = channel_statistics(*data.train);
  auto& input = settings.input;
  input.height = data.train->height();
  input.width = data.train->width();
  input.channels = data.train->channels();
  input.classes = data.source.classes;
  input.class_names = data.source.class_names;
  input.mean.assign(statistics.mean.begin(), statistics.mean.end());
  input.stddev.assign(statistics.stddev.begin(), statistics.stddev.end());
}

void require_same_input(const Settings& settings, const DataSource& source, const Dataset& data) {
  const auto& input = settings.input;
  const auto text = [](int64_t h, int64_t w, int64_t c, int64_t classes) {
    return fmt::format("{}x{}x{} and {} classes", h, w, c, classes);
  };
  const std::string found = text(data.height(), data.width(), data.channels(), source.classes);
  const std::string expected = text(input.height, input.width, input.channels, input.classes);
  if (found != expected)
    throw Error(fmt::format("data '{}': found images of {}, expected {} of the model", source.name, found, expected));
}

int thread_count(const Settings& settings) {
  return settings.train.threads > 0 ? int(settings.train.threads) : available_processors();
}

NetworkConfig network_config(const Settings& settings) {
  const auto& input = settings.input;
  NetworkConfig config;
  config.model = make_model(settings.model.name, {int(input.height), int(input.width), int(input.channels)},
                            int(input.classes));
  config.format = Format::parse(settings.format.name);
  config.norm = parse_norm(settings.norm.kind);
  const auto& quant = settings.quant;
  config.quant.groups_w = int(quant.groups_w);
  config.quant.groups_a = int(quant.groups_a);
  config.quant.groups_g = int(quant.groups_g);
  config.quant.sample_groups = int(quant.sample_groups);
  config.quant.filter_groups_w = int(quant.filter_groups_w);
  config.quant.block_groups = int(quant.block_groups);
  config.quant.block_groups_a = int(quant.block_groups_a);
  config.quant.round_g = parse_rounding(quant.round_g);
  config.quant.draws_g = int(quant.draws_g);
  config.quant.clip_w = float(quant.clip_w);
  config.quant.clip_norm = float(quant.clip_norm);
  config.quant.clip_a = float(quant.clip_a);
  config.quant.norm_bits = int(quant.norm_bits);
  config.quant.norm_saved_bits = int(quant.norm_saved_bits);
  config.quant.norm_grad_bits = int(quant.norm_grad_bits);
  config.quant.first = Format::parse(settings.format.first);
  config.quant.last = Format::parse(settings.format.last);
  config.quant.validate();
  config.mean.assign(input.mean.begin(), input.mean.end());
  config.stddev.assign(input.stddev.begin(), input.stddev.end());
  config.label_smoothing = float(settings.train.label_smoothing);
  config.norm_momentum = float(settings.norm.momentum);
  config.threads = thread_count(settings);
  config.seed = uint64_t(settings.train.seed);
  return config;
}

std::unique_ptr<Network> build_network(const Settings& settings) {
#ifdef SUBBYTE_WITH_FLOAT
  register_float_network();
#endif
  std::unique_ptr<Network> network = make_network(network_config(settings));
  initialize(network->params(), uint64_t(settings.train.seed));
  network->set_folded(settings.evaluation.folded);
  return network;
}

Augmentation augmentation(const Settings& settings) {
  return {int(settings.data.crop), settings.data.flip, int(settings.data.cutout)};
}

TrainerConfig trainer_config(const Settings& settings) {
  TrainerConfig config;
  config.epochs = settings.train.epochs;
  config.max_steps = settings.train.max_steps;
  config.stop_after = settings.train.stop_after;
  config.keep_every = settings.train.keep_every;
  config.eval_batch = int(settings.evaluation.batch);
  config.test = settings.evaluation.test == "every"  ? TrainerConfig::Test::every
                : settings.evaluation.test == "last" ? TrainerConfig::Test::last
                                                     : TrainerConfig::Test::never;
  const auto& optimizer = settings.optimizer;
  config.optimizer = {float(optimizer.momentum), optimizer.nesterov, float(optimizer.weight_decay),
                      optimizer.decay_all};
  const auto& schedule = settings.schedule;
  config.schedule = {parse_schedule(schedule.name), optimizer.lr, schedule.warmup, schedule.milestones, schedule.gamma,
                     schedule.div, schedule.final_div};
  return config;
}

}  // namespace subbyte
