// Suggestions for misspelt names.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

/// The candidate with the smallest edit distance to `name`; empty if none is near (more than half of it differs).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// " (did you mean 'x'?)", or "" where no candidate is near: appended to messages about unknown names.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace subbyte
