#include "train/memory.h"

#include <sys/resource.h>

namespace subbyte {

double peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return double(usage.ru_maxrss) / (1024.0 * 1024.0);
#else
  return double(usage.ru_maxrss) / 1024.0;
#endif
}

}  // namespace subbyte
