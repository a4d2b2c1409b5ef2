// The command line `subbyte` as a function, so that main.cc is nothing but its call.
#pragma once

namespace subbyte {

/// Exit code: 0 good, 1 failure, 2 usage. Errors are one line on standard error.
int run(int argc, const char* const* argv);

}  // namespace subbyte
