// What layers need besides the blocks of a step: buffers in which they take turns, so that the largest of each counts.
#pragma once
#include <algorithm>
#include <cstdint>

namespace subbyte {

/// Elements of the buffers, by their names in ThreadScratch; `packed`, `batch_x` and `batch_g` are shared by the threads.
struct ScratchSizes {
  int64_t bytes = 0, norm_codes = 0, norm_mask = 0, stream = 0, image = 0, gradient = 0, dilated = 0, x = 0, g = 0;
  int64_t random = 0, codes = 0, sums = 0, dw = 0, dw_total = 0, positions = 0;
  int64_t packed = 0, batch_x = 0, batch_g = 0;

  /// Bytes of one thread's.
  int64_t thread_bytes() const {
    return bytes + norm_codes + norm_mask + image + gradient + dilated + x + g + codes + positions + 2 * (stream + random) +
           4 * (sums + dw) + 8 * dw_total;
  }
  static void grow(int64_t& size, int64_t needed) { size = std::max(size, needed); }
};

}  // namespace subbyte
