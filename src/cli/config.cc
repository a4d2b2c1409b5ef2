#include "cli/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "data/dataset.h"
#include "nn/spec.h"
#include "quant/format.h"
#include "train/schedule.h"

namespace subbyte {
namespace {

template <class Entry>
void require_known(const char* key, const std::string& found, const std::vector<Entry>& list) {
  std::vector<std::string> names;
  for (const Entry& entry : list) names.push_back(entry.name);
  if (std::find(names.begin(), names.end(), found) != names.end()) return;
  if (found.empty()) throw UsageError(fmt::format("{}: missing, expected one of {}", key, fmt::join(names, ", ")));
  throw UsageError(fmt::format("{}: found '{}', expected one of {}{}", key, found, fmt::join(names, ", "),
                               did_you_mean(found, names)));
}

/// Parses a format for its key's name in the message.
void require_format(const char* key, const std::string& text, bool integer) {
  try {
    const Format format = Format::parse(text);
    if (integer && !format.is_integer()) throw UsageError("found '" + text + "', expected wXaYgZ with X, Y, Z in 2..8");
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", key, error.what()));
  }
}

const Key& require_key(const std::string& name, bool from_file) {
  const Key* key = find_key(name);
  if (key != nullptr && (from_file || key->scope != Scope::measured)) return *key;
  if (key != nullptr) throw UsageError(fmt::format("{}: is measured from the data and cannot be set", name));
  const std::vector<std::string> names = settable_names();
  throw UsageError(fmt::format("unknown key '{}'{}", name, did_you_mean(name, names)));
}

const char* node_type_name(const toml::node& node) {
  if (node.is_string()) return "a text";
  if (node.is_integer()) return "a whole number";
  if (node.is_floating_point()) return "a number";
  if (node.is_boolean()) return "true or false";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a section";
  return "a date or time";
}

/// Assigns a TOML value to a member; false where the type is another.
struct TomlSetter {
  const toml::node& node;
  template <class T>
  bool exact(T* value) const {
    const auto found = node.value_exact<T>();
    if (found) *value = *found;
    return found.has_value();
  }
  bool operator()(bool* value) const { return exact(value); }
  bool operator()(int64_t* value) const { return exact(value); }
  bool operator()(std::string* value) const { return exact(value); }
  bool operator()(double* value) const {
    if (!node.is_number()) return false;
    *value = *node.value<double>();
    return true;
  }
  template <class T>
  bool operator()(std::vector<T>* values) const {
    const toml::array* list = node.as_array();
    if (list == nullptr) return false;
    values->clear();
    for (const toml::node& item : *list)
      if (!TomlSetter{item}(&values->emplace_back())) return false;
    return true;
  }
};

}  // namespace

void Config::read_toml(std::string_view text, const std::string& file) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}:{}: not TOML: {}", file, error.source().begin.line, error.description()));
  }
  const auto read_value = [&](const std::string& name, const toml::node& node) {
    const auto fail = [&](const std::string& message) {
      throw UsageError(fmt::format("{}:{}: {}", file, node.source().begin.line, message));
    };
    try {
      const Key& key = require_key(name, true);
      if (!std::visit(TomlSetter{node}, key.member(settings)))
        throw UsageError(fmt::format("{}: found {}, expected {}", name, node_type_name(node), expectation(key)));
      check_range(key, settings);
    } catch (const UsageError& error) {
      fail(error.what());
    }
    given_.insert(name);
  };
  for (const auto& [section, node] : root) {
    const std::string prefix(section.str());
    if (const toml::table* table = node.as_table())
      for (const auto& [key, value] : *table) read_value(prefix + "." + std::string(key.str()), value);
    else
      read_value(prefix, node);
  }
}

void Config::set(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos)
    throw UsageError(fmt::format("--set: found '{}', expected section.key=value", assignment));
  set(require_key(assignment.substr(0, equals), false), assignment.substr(equals + 1));
}

void Config::set(const Key& key, const std::string& text) {
  set_from_text(key, settings, text);
  given_.insert(key.name);
}

void Config::finish(bool needs_data) {
  Settings& s = settings;
  require_known("model.name", s.model.name, model_list());
  if (needs_data || !s.data.name.empty()) require_known("data.name", s.data.name, data_list());
  require_format("format.name", s.format.name, false);
  require_format("format.first", s.format.first, true);
  require_format("format.last", s.format.last, true);
  parse_rounding(s.quant.round_g);
  try {
    parse_norm(s.norm.kind);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("norm.kind: {}", error.what()));
  }

  const bool small = s.data.name == "fashion-mnist", cifar = s.data.name.rfind("cifar", 0) == 0;
  const bool folder = !small && !cifar && s.data.name != "mnist";
  if (!is_set("data.flip")) s.data.flip = s.data.name != "mnist";  // digits have a left and a right
  if (!is_set("data.crop")) s.data.crop = cifar ? 4 : small ? 2 : folder ? s.data.image_size / 8 : 0;

  const ScheduleConfig::Kind schedule = parse_schedule(s.schedule.name);
  if (!is_set("schedule.warmup")) s.schedule.warmup = schedule == ScheduleConfig::Kind::onecycle ? 0.3 : 0.0;
  if (!std::is_sorted(s.schedule.milestones.begin(), s.schedule.milestones.end()))
    throw UsageError("schedule.milestones: expected ascending fractions of the run");
  if (s.evaluation.test != "every" && s.evaluation.test != "last" && s.evaluation.test != "never")
    throw UsageError(fmt::format("evaluation.test: found '{}', expected every, last or never", s.evaluation.test));
  // Coarser codes than 8 bits are part of what a network learned.
  if (!is_set("evaluation.folded"))
    s.evaluation.folded = Format::parse(s.format.name).is_integer() && s.quant.norm_bits >= 8;
  if (s.evaluation.folded && !Format::parse(s.format.name).is_integer())
    throw UsageError(fmt::format("evaluation.folded: found true with format {}, expected an integer format (wXaYgZ)",
                                 s.format.name));
}

std::string to_toml(const Settings& settings, TomlPart part) {
  Settings copy = settings;
  std::string text, section;
  for (const Key& key : keys()) {
    if (part == TomlPart::checkpoint && key.scope == Scope::session) continue;
    const std::string name = key.name;
    const size_t dot = name.find('.');
    if (dot != std::string::npos && name.substr(0, dot) != section) {
      section = name.substr(0, dot);
      text += fmt::format("\n[{}]\n", section);
    }
    const std::string line = fmt::format("{} = {}", name.substr(dot + 1), value_text(key, copy));
    text += part == TomlPart::all ? fmt::format("{:<40}  # {}\n", line, key.help) : line + "\n";
  }
  return text;
}

}  // namespace subbyte
