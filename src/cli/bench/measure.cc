#include "cli/bench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/buffer.h"
#include "base/error.h"

namespace subbyte::bench {
namespace {

constexpr double repetition_seconds = 0.0025, all_seconds = 0.25;

/// The best sum over the threads of what `rate` returns on each of them.
double best_of(ThreadPool& pool, const std::function<double(int thread)>& rate) {
  std::vector<double> rates(size_t(pool.size()));
  double best = 0;
  for (const Clock::time_point begin = Clock::now(); best == 0 || seconds_since(begin) < all_seconds;) {
    pool.run(pool.size(), [&](int thread, int, int) { rates[size_t(thread)] = rate(thread); });
    best = std::max(best, std::accumulate(rates.begin(), rates.end(), 0.0));
  }
  return best;
}

}  // namespace

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const size_t n = seconds.size();
  return {seconds.front(), (seconds[n / 2] + seconds[(n - 1) / 2]) / 2, seconds.back(), int(n)};
}

Timing timed(int runs, double seconds, const std::function<void()>& body) {
  std::vector<double> each;
  const Clock::time_point begin = Clock::now();
  while (int(each.size()) < runs || seconds_since(begin) < seconds) {
    const Clock::time_point start = Clock::now();
    body();
    each.push_back(seconds_since(start));
  }
  return timing_of(std::move(each));
}

double loop_gmacs(ThreadPool& pool, const PeakLoop& loop) {
  if (!loop.instruction || loop.run() == 0) return 0;
  return best_of(pool, [&](int) {
    int64_t macs = 0;
    const Clock::time_point start = Clock::now();
    double passed = 0;
    do {
      const int64_t sum = loop.run();
      if (sum != loop.macs)
        throw Error(fmt::format("peak of {}: found a sum of {}, expected {}", loop.instruction, sum, loop.macs));
      macs += sum;
      passed = seconds_since(start);
    } while (passed < repetition_seconds);
    return double(macs) / passed / 1e9;
  });
}

double stream_gbytes(ThreadPool& pool, const PeakKernels& kernels, int64_t bytes) {
  const int64_t count = bytes / 2 / int64_t(sizeof(uint32_t));
  std::vector<Buffer<uint32_t>> in(size_t(pool.size())), out(size_t(pool.size()));
  pool.run(pool.size(), [&](int thread, int, int) {  // each thread touches its own first
    in[size_t(thread)].resize(size_t(count));
    out[size_t(thread)].resize(size_t(count));
    for (int64_t i = 0; i < count; ++i) in[size_t(thread)][size_t(i)] = uint32_t(i) * 2654435761u;
  });
  return best_of(pool, [&](int thread) {
    const uint32_t* from = in[size_t(thread)].data();
    uint32_t* to = out[size_t(thread)].data();
    uint32_t passes = 0;
    const Clock::time_point start = Clock::now();
    double passed = 0;
    do {
      kernels.stream(from, count, ++passes, to);
      passed = seconds_since(start);
    } while (passed < repetition_seconds);
    for (int64_t i = 0; i < count; i += 61)  // each cache line once in a while
      if (to[i] != from[i] + passes) throw Error(fmt::format("memory pass: wrong value at element {}", i));
    return double(passes) * double(count) * 2 * sizeof(uint32_t) / passed / 1e9;
  });
}

}  // namespace subbyte::bench
