// Settings from defaults, a TOML file, --set and flags (later ones win), and back to TOML.
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "cli/keys.h"
#include "cli/settings.h"

namespace subbyte {

class Config {
 public:
  Settings settings;

  /// Throws UsageError "FILE:LINE: ..." for what is not TOML, an unknown key, a wrong type or range.
  void read_toml(std::string_view text, const std::string& file);

  /// `assignment` is "section.key=value". Throws UsageError.
  void set(const std::string& assignment);
  void set(const Key& key, const std::string& text);

  bool is_set(std::string_view key) const { return given_.count(std::string(key)) > 0; }

  /// Fills the defaults that depend on other keys (augmentation by data set, warm-up by schedule) and checks names and
  /// combinations. A model from a program that links the library names no data set. Throws UsageError.
  void finish(bool needs_data = true);

 private:
  std::set<std::string> given_;
};

enum class TomlPart { all, checkpoint };

/// Every key with a comment on what it is; for a checkpoint only those that change the result.
std::string to_toml(const Settings& settings, TomlPart part);

}  // namespace subbyte
