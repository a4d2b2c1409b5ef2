// Memory of this process.
#pragma once
#include <cstdint>

namespace subbyte {

/// Highest resident set so far, in MiB.
double peak_rss_mib();
/// The same in bytes, and the resident set now (where the system does not tell: the highest).
int64_t peak_rss_bytes();
int64_t rss_bytes();

}  // namespace subbyte
