#include "nn/integer/stream.h"

#include <algorithm>
#include <cmath>

namespace subbyte {

StreamPool::Memory StreamPool::take(int64_t count) {
  auto& free = shelf_->free;
  auto best = free.end();
  // The smallest that is large enough; of equals the one that was given back last, which the caches may still hold.
  for (auto it = free.begin(); it != free.end(); ++it)
    if (int64_t((*it)->size()) >= count && (best == free.end() || (*it)->size() <= (*best)->size())) best = it;
  std::unique_ptr<Buffer<int16_t>> memory;
  if (best != free.end()) {
    memory = std::move(*best);
    free.erase(best);
  } else {
    memory = std::make_unique<Buffer<int16_t>>(size_t(count));
  }
  return Memory(memory.release(), [shelf = shelf_](Buffer<int16_t>* done) {
    shelf->free.push_back(std::unique_ptr<Buffer<int16_t>>(done));
  });
}

int headroom_shift(int32_t top) {
  int k = 0;
  while (top > 0 && (top << k) < 16384) ++k;
  return k;
}

Rescale make_rescale(int32_t top, double ratio) {
  const int k = std::min(headroom_shift(top), 14);
  const double m = std::floor(std::ldexp(ratio, 15 - k) + 0.5);
  return {int16_t(1 << k), int16_t(std::clamp(m, -32767.0, 32767.0))};
}

}  // namespace subbyte
