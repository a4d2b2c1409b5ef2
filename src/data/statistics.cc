#include <algorithm>
#include <cmath>
#include <cstddef>
#include <mutex>

#include "base/error.h"
#include "base/threads.h"
#include "data/dataset.h"

namespace subbyte {
namespace {

struct Sums {
  std::vector<uint64_t> first, second;  // of pixels and of their squares, per channel

  explicit Sums(size_t channels) : first(channels), second(channels) {}
  void add(const std::vector<uint8_t>& pixels) {
    const size_t channels = first.size();
    for (size_t c = 0; c < channels; ++c)
      for (size_t i = c; i < pixels.size(); i += channels) {
        const uint64_t p = pixels[i];
        first[c] += p;
        second[c] += p * p;
      }
  }
  void add(const Sums& other) {
    for (size_t c = 0; c < first.size(); ++c) {
      first[c] += other.first[c];
      second[c] += other.second[c];
    }
  }
};

}  // namespace

ChannelStatistics channel_statistics(const Dataset& data) {
  if (data.size() == 0) throw Error("channel statistics: found no records, expected at least 1");
  const size_t channels = size_t(data.channels()), plane = size_t(data.height()) * size_t(data.width());
  constexpr int64_t kStep = 256;
  Sums sums(channels);
  std::mutex mutex;
  // Sums of integers: the same for any number of threads. Image folders decode here, which takes all processors.
  ThreadPool pool(available_processors());
  pool.run(int((data.size() + kStep - 1) / kStep), [&](int, int begin, int end) {
    Sums own(channels);
    std::vector<uint8_t> pixels(plane * channels);
    for (int64_t i = begin * kStep, last = std::min(end * kStep, data.size()); i < last; ++i) {
      data.read(i, pixels.data());
      own.add(pixels);
    }
    const std::lock_guard lock(mutex);
    sums.add(own);
  });

  ChannelStatistics statistics;
  const double count = double(plane) * double(data.size());
  for (size_t c = 0; c < channels; ++c) {
    const double mean = double(sums.first[c]) / count;
    const double variance = std::max(0.0, double(sums.second[c]) / count - mean * mean);
    statistics.mean.push_back(float(mean / 255));
    statistics.stddev.push_back(float(std::max(1.0, std::sqrt(variance)) / 255));
  }
  return statistics;
}

}  // namespace subbyte
