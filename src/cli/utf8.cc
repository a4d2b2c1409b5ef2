#include "cli/utf8.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace subbyte {

std::string printable_utf8(const std::string& text) {
  using nlohmann::json;
  const std::string valid = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out = json::parse(valid).get<std::string>();
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return out;
}

}  // namespace subbyte
