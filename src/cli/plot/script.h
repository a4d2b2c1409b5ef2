// A figure as a gnuplot script that writes the picture to standard output.
#pragma once
#include <string>

#include "cli/plot/figure.h"

namespace subbyte {

enum class Terminal { svg, png };

/// Throws Error where a series' vectors have different lengths.
std::string gnuplot_script(const Figure& figure, Terminal terminal);

/// A gnuplot string: single quotes, in which neither escapes nor commands are interpreted. Bytes that are not UTF-8 are
/// replaced, control characters become blanks.
std::string gnuplot_quoted(const std::string& text);

}  // namespace subbyte
