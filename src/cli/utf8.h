// Text from files and the command line, made fit for pages, figures and JSON.
#pragma once
#include <string>

namespace subbyte {

/// Bytes that are not UTF-8 become U+FFFD, control characters blanks.
std::string printable_utf8(const std::string& text);

}  // namespace subbyte
