#include "train/memory.h"

#include <sys/resource.h>
#ifdef __linux__
#include <unistd.h>

#include <cstdio>
#endif

namespace subbyte {

int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return int64_t(usage.ru_maxrss);
#else
  return int64_t(usage.ru_maxrss) * 1024;
#endif
}

double peak_rss_mib() { return double(peak_rss_bytes()) / (1024.0 * 1024.0); }

int64_t rss_bytes() {
#ifdef __linux__
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    long long size = 0, resident = 0;
    const int found = std::fscanf(file, "%lld %lld", &size, &resident);
    std::fclose(file);
    if (found == 2) return int64_t(resident) * sysconf(_SC_PAGESIZE);
  }
#endif
  return peak_rss_bytes();
}

}  // namespace subbyte
