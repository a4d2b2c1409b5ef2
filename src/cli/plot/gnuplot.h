// The gnuplot process: a script in, a picture out, no shell and no file in between.
#pragma once
#include <string>

namespace subbyte {

/// What gnuplot writes to its standard output for this script. `program` is looked up on the PATH.
/// Throws Error where it is missing (naming the Debian package) or fails (with the first line that it says).
std::string run_gnuplot(const std::string& script, const std::string& program = "gnuplot");

}  // namespace subbyte
