// Ctrl-C and SIGTERM ask for an orderly end; the second one ends the process at once.
#pragma once
#include <atomic>

namespace subbyte {

/// Set by the first signal after install_stop_signals().
const std::atomic<bool>& stop_requested();

void install_stop_signals();

}  // namespace subbyte
