#include "cli/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace subbyte {

#define MEMBER(path) [](Settings& s) -> SettingPointer { return &s.path; }

const std::vector<Key>& keys() {
  static const std::vector<Key> table = {
      {"version", MEMBER(version), Scope::measured, "version of Subbyte that wrote the file"},
      {"model.name", MEMBER(model.name), Scope::recipe, "model, see `subbyte models`", "--model"},
      {"data.name", MEMBER(data.name), Scope::recipe, "data set, see `subbyte data`", "--data"},
      {"data.dir", MEMBER(data.dir), Scope::session, "folder or archive of the data set", "--data-dir"},
      {"data.val", MEMBER(data.val), Scope::recipe, "last training records held out for validation", "--val"},
      {"data.limit", MEMBER(data.limit), Scope::recipe, "train on the first N records only; 0: all", "--limit"},
      {"data.image_size", MEMBER(data.image_size), Scope::recipe, "side to which images of folders are resized", "", 8,
          1024},
      {"data.crop", MEMBER(data.crop), Scope::recipe, "pixels of padding before a random crop (default by data set)",
          "", 0, 128},
      {"data.flip", MEMBER(data.flip), Scope::recipe, "random horizontal flips (default by data set)"},
      {"data.cutout", MEMBER(data.cutout), Scope::recipe, "side of a square set to zero; 0: none", "", 0, 1024},
      {"format.name", MEMBER(format.name), Scope::recipe, "number format, see `subbyte formats`", "--format"},
      {"format.first", MEMBER(format.first), Scope::recipe, "format of the first product"},
      {"format.last", MEMBER(format.last), Scope::recipe, "format of the last product"},
      {"quant.groups_w", MEMBER(quant.groups_w), Scope::recipe, 
          "shift groups of weights; 0: a real scale for each output channel, 1: per tensor", "", 0, 8},
      {"quant.filter_groups_w", MEMBER(quant.filter_groups_w), Scope::recipe,
          "shift groups over filters of weights (taps of an input and an output channel); 0: automatic, 1: none", "", 0, 7},
      {"quant.groups_a", MEMBER(quant.groups_a), Scope::recipe,
          "shift groups of activations; 0: automatic, 1: per tensor", "", 0, 8},
      {"quant.groups_g", MEMBER(quant.groups_g), Scope::recipe,
          "shift groups of gradients; 0: automatic, 1: per tensor", "", 0, 8},
      {"quant.sample_groups", MEMBER(quant.sample_groups), Scope::recipe,
          "shift groups over the samples of gradients; 1: none", "", 1, 16},
      {"quant.block_groups", MEMBER(quant.block_groups), Scope::recipe,
          "shift groups over blocks of 16 elements of gradients; 0: automatic, 1: none", "", 0, 8},
      {"quant.block_groups_a", MEMBER(quant.block_groups_a), Scope::recipe,
          "shift groups over blocks of 16 elements of activations; 0: automatic, 1: none", "", 0, 4},
      {"quant.round_g", MEMBER(quant.round_g), Scope::recipe, "rounding of gradients: stochastic or nearest"},
      {"quant.draws_g", MEMBER(quant.draws_g), Scope::recipe,
          "roundings of a gradient; 1: both products share one, 2: each has its own", "", 1, 2},
      {"quant.clip_w", MEMBER(quant.clip_w), Scope::recipe,
          "clip weights at this many root mean squares of the channel; 0: at the maximum", "", 0, 100},
      {"quant.clip_a", MEMBER(quant.clip_a), Scope::recipe,
          "clip activations at this many of the channel's mean square over mean; 0: automatic, 100: never", "", 0, 100},
      {"quant.clip_norm", MEMBER(quant.clip_norm), Scope::recipe,
          "clip a normalization's input at this many deviations; 0: automatic, 100: never", "", 0, 100},
      {"quant.norm_bits", MEMBER(quant.norm_bits), Scope::recipe, "bits of a normalization's input", "", 2, 8},
      {"quant.norm_saved_bits", MEMBER(quant.norm_saved_bits), Scope::recipe,
          "bits of a normalization's input that are saved for backward; 0: the activations', at least 4", "", 0, 8},
      {"quant.norm_grad_bits", MEMBER(quant.norm_grad_bits), Scope::recipe,
          "bits of the gradient that enters a normalization", "", 4, 16},
      {"norm.kind", MEMBER(norm.kind), Scope::recipe, "normalization: l1 or l2", "--norm"},
      {"norm.momentum", MEMBER(norm.momentum), Scope::recipe, "weight of a batch in the running statistics", "", 1e-6,
          1},
      {"train.epochs", MEMBER(train.epochs), Scope::length, "epochs of the whole run", "--epochs", 1, 1e6},
      {"train.batch", MEMBER(train.batch), Scope::recipe, "images a step", "--batch", 1, 65536},
      {"train.seed", MEMBER(train.seed), Scope::recipe, "seed of all random numbers", "--seed"},
      {"train.threads", MEMBER(train.threads), Scope::session, "threads; 0: all that are available", "--threads", 0,
          1024},
      {"train.max_steps", MEMBER(train.max_steps), Scope::session, "end after N steps of the run; 0: no limit",
          "--max-steps"},
      {"train.stop_after", MEMBER(train.stop_after), Scope::session,
          "end after N epochs of the run, keeping the schedule's length; 0: no limit", "--stop-after"},
      {"train.init", MEMBER(train.init), Scope::session,
          "run or .safetensors file, of any format, whose parameters a new run starts from", "--init"},
      {"train.label_smoothing", MEMBER(train.label_smoothing), Scope::recipe,
          "share of the target spread over all classes", "", 0, 0.99},
      {"train.log_every", MEMBER(train.log_every), Scope::session,
          "seconds between lines where there is no progress bar"},
      {"train.keep_every", MEMBER(train.keep_every), Scope::session,
          "epochs between checkpoints that stay in the run as epoch-NNN.safetensors; 0: none"},
      {"optimizer.lr", MEMBER(optimizer.lr), Scope::recipe, "highest learning rate", "--lr"},
      {"optimizer.momentum", MEMBER(optimizer.momentum), Scope::recipe, "momentum", "", 0, 0.9999},
      {"optimizer.nesterov", MEMBER(optimizer.nesterov), Scope::recipe, "Nesterov's momentum"},
      {"optimizer.weight_decay", MEMBER(optimizer.weight_decay), Scope::recipe, "weight decay"},
      {"optimizer.decay_all", MEMBER(optimizer.decay_all), Scope::recipe, "decay norm parameters and biases too"},
      {"schedule.name", MEMBER(schedule.name), Scope::recipe, "constant, step, cosine or onecycle"},
      {"schedule.warmup", MEMBER(schedule.warmup), Scope::recipe,
          "fraction of the run (default 0.3 for onecycle, else 0)", "", 0, 0.99},
      {"schedule.milestones", MEMBER(schedule.milestones), Scope::recipe,
          "step: fractions of the run where the rate drops", "", 0, 1},
      {"schedule.gamma", MEMBER(schedule.gamma), Scope::recipe, "step: factor at a milestone", "", 0, 1},
      {"schedule.div", MEMBER(schedule.div), Scope::recipe, "onecycle: starts at lr / div", "", 1},
      {"schedule.final_div", MEMBER(schedule.final_div), Scope::recipe, "onecycle: ends at lr / div / final_div", "",
          1},
      {"evaluation.test", MEMBER(evaluation.test), Scope::session,
          "when the test part is measured: every (epoch), last or never"},
      {"evaluation.batch", MEMBER(evaluation.batch), Scope::session, "images a batch of evaluation", "", 1, 65536},
      {"evaluation.folded", MEMBER(evaluation.folded), Scope::recipe,
          "evaluate with normalizations folded into the products, as a deployed network does (default for integer formats)"},
      {"input.height", MEMBER(input.height), Scope::measured, "rows of an image", "", 1, 65536},
      {"input.width", MEMBER(input.width), Scope::measured, "columns of an image", "", 1, 65536},
      {"input.channels", MEMBER(input.channels), Scope::measured, "channels of an image", "", 1, 3},
      {"input.classes", MEMBER(input.classes), Scope::measured, "number of classes", "", 1, 1e6},
      {"input.class_names", MEMBER(input.class_names), Scope::measured, "names of the classes, where known"},
      {"input.mean", MEMBER(input.mean), Scope::measured, "mean of pixel / 255 of the training part, by channel", "",
          0, 1},
      {"input.stddev", MEMBER(input.stddev), Scope::measured, "its standard deviation", "", 1e-6, 1},
  };
  return table;
}

#undef MEMBER

const Key* find_key(std::string_view name) {
  for (const Key& key : keys())
    if (name == key.name) return &key;
  return nullptr;
}

std::vector<std::string> settable_names() {
  std::vector<std::string> names;
  for (const Key& key : keys())
    if (key.scope != Scope::measured) names.push_back(key.name);
  return names;
}

std::string type_text(const Key& key) {
  Settings defaults;
  const SettingPointer member = key.member(defaults);
  if (std::holds_alternative<int64_t*>(member)) return "N";
  if (std::holds_alternative<double*>(member)) return "X";
  return "NAME";
}

namespace {

std::string range_text(const Key& key) {
  if (key.high == kUnlimited) return fmt::format(", {} or more", key.low);
  return fmt::format(", {} to {}", key.low, key.high);
}

std::string trimmed(std::string text) {
  const char* blank = " \t";
  text.erase(0, std::min(text.find_first_not_of(blank), text.size()));
  text.erase(text.find_last_not_of(blank) + 1);
  const bool quoted = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::vector<std::string> split_list(std::string text) {
  if (text.size() >= 2 && text[0] == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::vector<std::string> items;
  for (size_t begin = 0; begin < text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    items.push_back(trimmed(text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return items;
}

[[noreturn]] void fail(const Key& key, const std::string& found) {
  throw UsageError(fmt::format("{}: found {}, expected {}", key.name, found, expectation(key)));
}

template <class T>
bool parse_number(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Parses by the type of the member.
struct TextSetter {
  const std::string& text;
  bool operator()(bool* value) const {
    if (text != "true" && text != "false") return false;
    *value = text == "true";
    return true;
  }
  bool operator()(int64_t* value) const { return parse_number(text, *value); }
  bool operator()(double* value) const { return parse_number(text, *value); }
  bool operator()(std::string* value) const {
    *value = text;
    return true;
  }
  bool operator()(std::vector<double>* values) const {
    values->clear();
    for (const std::string& item : split_list(text))
      if (!parse_number(item, values->emplace_back())) return false;
    return true;
  }
  bool operator()(std::vector<std::string>* values) const {
    *values = split_list(text);
    return true;
  }
};

}  // namespace

std::string expectation(const Key& key) {
  Settings defaults;
  const SettingPointer member = key.member(defaults);
  if (std::holds_alternative<bool*>(member)) return "true or false";
  if (std::holds_alternative<int64_t*>(member)) return "a whole number" + range_text(key);
  if (std::holds_alternative<double*>(member)) return "a number" + range_text(key);
  if (std::holds_alternative<std::string*>(member)) return "text";
  if (std::holds_alternative<std::vector<double>*>(member)) return "a list of numbers" + range_text(key);
  return "a list of texts";
}

void check_range(const Key& key, Settings& settings) {
  const auto check = [&key](double value, const std::string& found) {
    if (!(value >= key.low && value <= key.high) || std::isinf(value)) fail(key, found);
  };
  const SettingPointer member = key.member(settings);
  if (const auto* whole = std::get_if<int64_t*>(&member)) check(double(**whole), fmt::format("{}", **whole));
  if (const auto* real = std::get_if<double*>(&member)) check(**real, fmt::format("{}", **real));
  if (const auto* list = std::get_if<std::vector<double>*>(&member))
    for (double value : **list) check(value, fmt::format("{}", value));
}

void set_from_text(const Key& key, Settings& settings, const std::string& text) {
  const std::string value = trimmed(text);
  if (!std::visit(TextSetter{value}, key.member(settings))) fail(key, "'" + value + "'");
  check_range(key, settings);
}

}  // namespace subbyte
