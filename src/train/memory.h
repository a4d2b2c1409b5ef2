// Memory of this process.
#pragma once

namespace subbyte {

/// Highest resident set so far, in MiB.
double peak_rss_mib();

}  // namespace subbyte
