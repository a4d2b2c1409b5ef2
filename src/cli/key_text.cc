// Values of keys as TOML text.
#include <fmt/format.h>

#include "cli/keys.h"

namespace subbyte {
namespace {

/// TOML basic string.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\u{:04x}", unsigned(c));
    else out += c;
  }
  return out + "\"";
}

/// Shortest text that reads back as the same number; TOML wants a point or an exponent.
std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

struct TomlWriter {
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const int64_t* value) const { return fmt::format("{}", *value); }
  std::string operator()(const double* value) const { return number_text(*value); }
  std::string operator()(const std::string* value) const { return quoted(*value); }
  std::string operator()(const std::vector<double>* values) const {
    std::vector<std::string> items;
    for (double value : *values) items.push_back(number_text(value));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  std::string operator()(const std::vector<std::string>* values) const {
    std::vector<std::string> items;
    for (const std::string& value : *values) items.push_back(quoted(value));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
};

}  // namespace

std::string value_text(const Key& key, Settings& settings) { return std::visit(TomlWriter{}, key.member(settings)); }

}  // namespace subbyte
