// gnuplot's SVG file as an element that may stand in a page beside others.
#pragma once
#include <string>

namespace subbyte {

/// Without the XML declaration and gnuplot's own titles and version, with `id` before every id and reference.
std::string embeddable_svg(const std::string& file, const std::string& id);

}  // namespace subbyte
