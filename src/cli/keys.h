// One table of keys: it serves configuration files, --set, the short flags, help and what is written.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/settings.h"

namespace subbyte {

using SettingPointer =
    std::variant<bool*, int64_t*, double*, std::string*, std::vector<double>*, std::vector<std::string>*>;

/// What may change when a run is resumed, and what a checkpoint holds.
enum class Scope {
  recipe,    ///< in the checkpoint; fixed for the run
  length,    ///< in the checkpoint; may change
  session,   ///< not in the checkpoint, since it does not change the result; may change
  measured,  ///< in the checkpoint; filled from the data, read from files only
};

inline constexpr double kUnlimited = std::numeric_limits<double>::infinity();

struct Key {
  const char* name;  ///< "section.key"
  SettingPointer (*member)(Settings&);
  Scope scope;
  const char* help;
  const char* flag = "";               ///< short flag of `subbyte train`, or ""
  double low = 0, high = kUnlimited;   ///< numbers, both included; also of each element of a list
};

const std::vector<Key>& keys();

/// Null where there is none.
const Key* find_key(std::string_view name);

/// All names that a user may set.
std::vector<std::string> settable_names();

/// "N", "X" or "NAME": the value of a short flag in its help.
std::string type_text(const Key& key);

/// "a whole number, 1 or more": what the key takes.
std::string expectation(const Key& key);

/// A key's value as TOML writes it.
std::string value_text(const Key& key, Settings& settings);

/// Checks the value's range. Throws UsageError like "train.batch: found 0, expected a whole number, 1 or more".
void check_range(const Key& key, Settings& settings);

/// Sets a key from text: numbers and true/false as usual, lists with commas, text with or without quotes.
/// Throws UsageError where the text is not of the key's type or out of its range.
void set_from_text(const Key& key, Settings& settings, const std::string& text);

}  // namespace subbyte
