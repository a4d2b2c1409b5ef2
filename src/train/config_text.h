// The configuration inside a checkpoint, read without a TOML library, so that a device needs none: only what the
// command line writes there, which is "[section]" and "key = value" lines.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

class ConfigText {
 public:
  /// `source` names the file in messages. Throws Error for a line of another kind.
  ConfigText(std::string_view text, std::string source);

  /// The value of "section.key", or `missing` where there is none. Throw Error where it is not of that type.
  std::string text(const std::string& key, const std::string& missing) const;
  int64_t whole(const std::string& key, int64_t missing) const;
  double number(const std::string& key, double missing) const;
  bool flag(const std::string& key, bool missing) const;
  std::vector<float> numbers(const std::string& key) const;

 private:
  const std::string* find(const std::string& key) const;
  [[noreturn]] void fail(const std::string& key, const char* expected) const;
  std::string source_;
  std::map<std::string, std::string> values_;  ///< "section.key": the value as written
};

}  // namespace subbyte
