// How many processors a container or a task set leaves to this process.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

#include "base/threads.h"

namespace subbyte {
namespace {

int affinity_count() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// Processors that quota / period microseconds pay for, or 0 for no limit.
double quota_processors(double quota, double period) { return quota > 0 && period > 0 ? quota / period : 0; }

/// cgroup v2: "max 100000" or "<quota> <period>".
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return 0;
  return quota_processors(std::atof(quota.c_str()), period);
}

/// cgroup v1: -1 for no limit.
double quota_v1(const std::string& folder) {
  double quota = 0, period = 0;
  std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return quota_processors(quota, period);
}

/// The tightest limit of a group and of the groups that contain it, or 0.
double tightest(const std::string& root, std::string path, double (*read)(const std::string&)) {
  double limit = 0;
  for (;;) {
    const double here = read(root + path);
    if (here > 0 && (limit == 0 || here < limit)) limit = here;
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return limit;
    path.resize(slash);
  }
}

double cgroup_limit() {
  std::ifstream file("/proc/self/cgroup");  // lines "id:controllers:path"
  double limit = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string id, controllers, path;
    std::getline(fields, id, ':');
    std::getline(fields, controllers, ':');
    std::getline(fields, path);
    if (path == "/") path.clear();
    double here = 0;
    if (controllers.empty()) {
      here = tightest("/sys/fs/cgroup", path, quota_v2);
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      here = tightest("/sys/fs/cgroup/cpu", path, quota_v1);
    }
    if (here > 0 && (limit == 0 || here < limit)) limit = here;
  }
  return limit;
}

}  // namespace

int available_processors() {
  const int processors = affinity_count();
  const double limit = cgroup_limit();
  return limit > 0 ? std::clamp(static_cast<int>(std::ceil(limit)), 1, processors) : processors;
}

}  // namespace subbyte
