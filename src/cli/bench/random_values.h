// Random contents of benchmark operands, from Philox: the same on every machine.
#pragma once
#include <array>
#include <cstdint>

#include "base/philox.h"

namespace subbyte::bench {

class RandomValues {
 public:
  explicit RandomValues(uint32_t stream) : stream_(stream) {}

  uint32_t bits16() {
    if (left_ == 0) {
      words_ = philox({1, 2}, {counter_++, stream_, 0, 0});
      left_ = 8;
    }
    --left_;
    return words_[size_t(left_ / 2)] >> (left_ % 2 * 16) & 0xFFFF;
  }
  /// low..high, both included, at most 65536 values.
  int uniform(int low, int high) { return low + int(bits16() * uint32_t(high - low + 1) >> 16); }

 private:
  uint32_t stream_, counter_ = 0;
  int left_ = 0;
  std::array<uint32_t, 4> words_{};
};

}  // namespace subbyte::bench
