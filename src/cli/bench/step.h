// Parts of `subbyte bench step`.
#pragma once
#include <string>

#include "cli/bench/bench.h"
#include "nn/network.h"
#include "nn/profile.h"

namespace subbyte::bench {

/// Proves that short steps of this configuration leave the same bytes with one thread as with many, and with the scalar
/// kernels as with the selected ones. Returns what was compared. Throws Error naming the parameter that differs.
std::string check_steps(const Settings& settings);

/// What a table of a profile needs to know about the run.
struct ProfiledRun {
  const Profile& profile;  ///< its node after the model's last is the optimizer
  const ModelSpec& model;
  int threads, batch, steps;
  double step_seconds;     ///< mean
  double peak_gmacs;       ///< of all threads
};
void print_profile(const ProfiledRun& run);
Json profile_json(const ProfiledRun& run);

}  // namespace subbyte::bench
