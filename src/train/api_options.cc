#include "train/api_options.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/error.h"
#include "train/config_text.h"

namespace subbyte {
namespace {

void require(bool good, const char* field, const std::string& found, const char* expected) {
  if (!good) throw UsageError(std::string(field) + ": found " + found + ", expected " + expected);
}

void check(const ModelOptions& options) {
  const auto extent = [](const char* field, int value, int most) {
    require(value >= 1 && value <= most, field, std::to_string(value), ("1 to " + std::to_string(most)).c_str());
  };
  extent("height", options.height, 65536);
  extent("width", options.width, 65536);
  extent("channels", options.channels, 3);
  extent("classes", options.classes, 1000000);
  extent("threads", options.threads, 1024);
  require(options.momentum >= 0 && options.momentum < 1, "momentum", std::to_string(options.momentum), "0 <= x < 1");
  require(options.weight_decay >= 0 && std::isfinite(options.weight_decay), "weight_decay",
          std::to_string(options.weight_decay), "0 or more");
  require(options.seed <= uint64_t(std::numeric_limits<int64_t>::max()), "seed", std::to_string(options.seed),
          "less than 2^63");
}

NetworkConfig network_config(const ModelOptions& options) {
  NetworkConfig config;
  config.model = make_model(options.model, {options.height, options.width, options.channels}, options.classes);
  config.format = Format::parse(options.format);
  config.norm = parse_norm(options.norm);
  config.mean = options.mean;
  config.stddev = options.stddev;
  config.label_smoothing = options.label_smoothing;
  config.threads = options.threads;
  config.seed = options.seed;
  return config;
}

OptimizerConfig optimizer_config(const ModelOptions& options, bool decay_all) {
  return {options.momentum, options.nesterov, options.weight_decay, decay_all};
}

/// Shortest text that reads back as the same number; TOML wants a point or an exponent.
std::string number_text(float value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, double(value)).ptr;
  const std::string text(buffer, end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string list_text(const std::vector<float>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? ", " : "") + number_text(values[i]);
  return text + "]";
}

std::string config_text(const ModelOptions& options, const QuantConfig& quant) {
  const auto quoted = [](const std::string& name) { return '"' + name + '"'; };
  return "[model]\nname = " + quoted(options.model) +                                       //
         "\n\n[format]\nname = " + quoted(options.format) +                                 //
         "\nfirst = " + quoted(quant.first.name()) + "\nlast = " + quoted(quant.last.name()) +  //
         "\n\n[norm]\nkind = " + quoted(options.norm) +                                     //
         "\n\n[train]\nseed = " + std::to_string(options.seed) +                            //
         "\nlabel_smoothing = " + number_text(options.label_smoothing) +                    //
         "\n\n[optimizer]\nmomentum = " + number_text(options.momentum) +                   //
         "\nnesterov = " + (options.nesterov ? "true" : "false") +                          //
         "\nweight_decay = " + number_text(options.weight_decay) +                          //
         "\n\n[input]\nheight = " + std::to_string(options.height) +                        //
         "\nwidth = " + std::to_string(options.width) +                                     //
         "\nchannels = " + std::to_string(options.channels) +                               //
         "\nclasses = " + std::to_string(options.classes) +                                 //
         "\nmean = " + list_text(options.mean) + "\nstddev = " + list_text(options.stddev) + "\n";
}

QuantConfig quant_config(const ConfigText& text) {
  QuantConfig quant;
  const auto whole = [&text](const char* key, int& value) { value = int(text.whole(key, value)); };
  whole("quant.groups_w", quant.groups_w);
  whole("quant.groups_a", quant.groups_a);
  whole("quant.groups_g", quant.groups_g);
  whole("quant.sample_groups", quant.sample_groups);
  whole("quant.filter_groups_w", quant.filter_groups_w);
  whole("quant.block_groups", quant.block_groups);
  whole("quant.block_groups_a", quant.block_groups_a);
  whole("quant.draws_g", quant.draws_g);
  whole("quant.norm_bits", quant.norm_bits);
  whole("quant.norm_saved_bits", quant.norm_saved_bits);
  whole("quant.norm_grad_bits", quant.norm_grad_bits);
  quant.round_g = parse_rounding(text.text("quant.round_g", rounding_name(quant.round_g)));
  quant.clip_w = float(text.number("quant.clip_w", quant.clip_w));
  quant.clip_norm = float(text.number("quant.clip_norm", quant.clip_norm));
  quant.clip_a = float(text.number("quant.clip_a", quant.clip_a));
  quant.first = Format::parse(text.text("format.first", quant.first.name()));
  quant.last = Format::parse(text.text("format.last", quant.last.name()));
  quant.validate();
  return quant;
}

}  // namespace

ModelSetup setup_from_options(const ModelOptions& options) {
  check(options);
  ModelSetup setup{options, {}, optimizer_config(options, false), {}};
  if (options.mean.empty()) setup.options.mean.assign(size_t(options.channels), 0.5f);
  if (options.stddev.empty()) setup.options.stddev.assign(size_t(options.channels), 0.25f);
  setup.network = network_config(setup.options);
  setup.config = config_text(setup.options, setup.network.quant);
  return setup;
}

ModelSetup setup_from_checkpoint(const Checkpoint& checkpoint, int threads) {
  const ConfigText text(checkpoint.info.config, checkpoint.path);
  ModelOptions options;
  options.model = checkpoint.info.model;
  options.format = checkpoint.info.format;
  options.norm = text.text("norm.kind", options.norm);
  options.height = int(text.whole("input.height", 0));
  options.width = int(text.whole("input.width", 0));
  options.channels = int(text.whole("input.channels", 0));
  options.classes = int(text.whole("input.classes", 0));
  options.mean = text.numbers("input.mean");
  options.stddev = text.numbers("input.stddev");
  options.label_smoothing = float(text.number("train.label_smoothing", options.label_smoothing));
  options.momentum = float(text.number("optimizer.momentum", options.momentum));
  options.weight_decay = float(text.number("optimizer.weight_decay", options.weight_decay));
  options.nesterov = text.flag("optimizer.nesterov", options.nesterov);
  options.seed = checkpoint.info.seed;
  options.threads = threads;
  try {
    check(options);
    ModelSetup setup{options, network_config(options), {}, checkpoint.info.config};
    setup.network.quant = quant_config(text);
    setup.network.norm_momentum = float(text.number("norm.momentum", setup.network.norm_momentum));
    setup.optimizer = optimizer_config(options, text.flag("optimizer.decay_all", false));
    return setup;
  } catch (const UsageError& error) {
    throw Error(checkpoint.path + ": configuration: " + error.what());
  }
}

}  // namespace subbyte
