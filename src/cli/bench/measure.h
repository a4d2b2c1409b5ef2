// Time and rates.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/threads.h"
#include "kernels/peak/peak.h"

namespace subbyte::bench {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Timing {
  double min = 0, median = 0, max = 0;  ///< seconds
  int runs = 0;
};
Timing timing_of(std::vector<double> seconds);

/// Runs `body` at least `runs` times and until `seconds` have passed.
Timing timed(int runs, double seconds, const std::function<void()>& body);

/// 10^9 multiply-accumulates a second of all threads of the pool at once: the best of a hundred repetitions of about 2.5 ms
/// (shorter than a time slice: other processes on a busy machine do not make the limit look lower).
/// 0 where there is no such loop or the machine lacks it. Throws Error where a sum is wrong.
double loop_gmacs(ThreadPool& pool, const PeakLoop& loop);

/// 10^9 bytes a second, read and written ones together, of all threads at once, each over its own `bytes` (half read, half
/// written); the best of as many repetitions. Throws Error where a result is wrong.
double stream_gbytes(ThreadPool& pool, const PeakKernels& kernels, int64_t bytes);

}  // namespace subbyte::bench
