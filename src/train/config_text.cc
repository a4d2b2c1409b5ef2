#include "train/config_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"

namespace subbyte {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

ConfigText::ConfigText(std::string_view text, std::string source) : source_(std::move(source)) {
  std::string section;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    if (line.front() == '[' && line.back() == ']') {
      section = std::string(line.substr(1, line.size() - 2)) + ".";
    } else if (equals != std::string_view::npos) {
      values_[section + std::string(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
    } else {
      throw Error(source_ + ": configuration line " + std::to_string(line_number) + ": found '" + std::string(line) +
                  "', expected [section] or key = value");
    }
  }
}

const std::string* ConfigText::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void ConfigText::fail(const std::string& key, const char* expected) const {
  throw Error(source_ + ": configuration key " + key + ": found " + *find(key) + ", expected " + expected);
}

std::string ConfigText::text(const std::string& key, const std::string& missing) const {
  const std::string* value = find(key);
  if (value == nullptr) return missing;
  if (value->size() < 2 || value->front() != '"' || value->back() != '"' || value->find('\\') != std::string::npos)
    fail(key, "a text in quotes without escapes");
  return value->substr(1, value->size() - 2);
}

int64_t ConfigText::whole(const std::string& key, int64_t missing) const {
  const std::string* value = find(key);
  if (value != nullptr && !parse(*value, missing)) fail(key, "a whole number");
  return missing;
}

double ConfigText::number(const std::string& key, double missing) const {
  const std::string* value = find(key);
  if (value != nullptr && !parse(*value, missing)) fail(key, "a number");
  return missing;
}

bool ConfigText::flag(const std::string& key, bool missing) const {
  const std::string* value = find(key);
  if (value == nullptr) return missing;
  if (*value != "true" && *value != "false") fail(key, "true or false");
  return *value == "true";
}

std::vector<float> ConfigText::numbers(const std::string& key) const {
  const std::string* value = find(key);
  if (value == nullptr) return {};
  if (value->size() < 2 || value->front() != '[' || value->back() != ']') fail(key, "a list of numbers");
  std::vector<float> numbers;
  std::string_view rest = std::string_view(*value).substr(1, value->size() - 2);
  while (!trimmed(rest).empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    double number = 0;
    if (!parse(trimmed(rest.substr(0, comma)), number)) fail(key, "a list of numbers");
    numbers.push_back(float(number));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return numbers;
}

}  // namespace subbyte
