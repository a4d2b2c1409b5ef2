// What the kernels' tests share: memory with guards around it, contents that reach extremes, bounds for statistics.
#pragma once
#include <rapidcheck.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/isa.h"

namespace subbyte {

/// `count` elements between guard bytes. A vector path may read the guard behind them (as a Buffer's slack), never write.
template <class T>
class Guarded {
 public:
  static constexpr size_t guard = Buffer<T>::slack;
  static constexpr uint8_t pattern = 0xA5;

  /// `offset` elements beyond an aligned address; the elements hold the pattern too.
  explicit Guarded(size_t count, size_t offset = 0)
      : count_(count), begin_(guard + offset * sizeof(T)), bytes_(begin_ + count * sizeof(T) + guard, pattern) {}

  T* data() { return reinterpret_cast<T*>(bytes_.data() + begin_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data() + begin_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

  /// Whether only the elements, and at most `beyond` behind them, were written.
  bool intact(size_t beyond = 0) const {
    const size_t end = begin_ + (count_ + beyond) * sizeof(T);
    for (size_t i = 0; i < bytes_.size(); ++i)
      if ((i < begin_ || i >= end) && bytes_[i] != pattern) return false;
    return true;
  }

 private:
  size_t count_, begin_;
  std::vector<uint8_t> bytes_;
};

/// Throws, which ends a property's case and lets it shrink, where `found` differs or its guards were written.
template <class T, class Expected>
void require_same(const Guarded<T>& found, const Expected& expected, const std::string& what, Isa isa, size_t beyond = 0) {
  std::ostringstream text;
  text << what << " on " << isa_name(isa);
  for (size_t i = 0; i < expected.size(); ++i)
    if (found[i] != expected[i]) {
      text << " at " << i << " of " << expected.size() << ": found " << +found[i] << ", expected " << +expected[i];
      throw std::runtime_error(text.str());
    }
  if (!found.intact(beyond)) throw std::runtime_error(text.str() + ": written beyond its end");
}

/// Random contents; every array is drawn anew to be uniform, mostly zero, all maximum, all minimum, or either of the two.
class Contents {
 public:
  explicit Contents(unsigned seed) : random_(seed) {}

  int64_t uniform(int64_t low, int64_t high) { return low + int64_t(random_() % uint64_t(high - low + 1)); }

  template <class T>
  void fill(T* data, size_t count, int64_t low, int64_t high) {
    const int kind = int(uniform(0, 7));
    for (size_t i = 0; i < count; ++i) {
      int64_t v = uniform(low, high);
      if (kind == 0) v = high;
      if (kind == 1) v = low;
      if (kind == 2) v = v % 2 ? low : high;
      if (kind == 3 && v % 16 && low <= 0 && high >= 0) v = 0;
      data[i] = T(v);
    }
  }
  template <class Array>
  void fill(Array& array, int64_t low, int64_t high) {
    fill(array.data(), array.size(), low, high);
  }

 private:
  std::mt19937_64 random_;
};

inline Contents any_contents() { return Contents(*rc::gen::arbitrary<uint16_t>()); }
inline size_t any_offset() { return size_t(*rc::gen::inRange(0, 16)); }

/// Channels: small with every remainder, those that fill or divide a register, and some beyond the 256 and 512 positions that
/// passes handle together.
inline int any_channels() {
  const int kind = *rc::gen::inRange(0, 5);
  if (kind < 2) return *rc::gen::inRange(1, 71);
  if (kind < 4) return *rc::gen::element(1, 2, 4, 8, 16, 32, 64, 96);
  return *rc::gen::element(128, 255, 256, 257, 511, 512, 513, 1025);
}
/// Pixels: any, or as many as make whole registers of 32 elements.
inline int any_pixels(int channels) {
  if (*rc::gen::arbitrary<bool>()) return *rc::gen::inRange(1, channels > 70 ? 8 : 71);
  return channels % 32 == 0 ? *rc::gen::inRange(1, 8) : 32 / std::gcd(channels, 32) * *rc::gen::inRange(1, 4);
}

/// floor(a / 2^by) of an exact integer.
inline int64_t floor_shift(int64_t a, int by) {
  const int64_t divisor = int64_t{1} << by, quotient = a / divisor;
  return a % divisor < 0 ? quotient - 1 : quotient;
}

/// What multiply_high is by definition: a * b / 2^15, rounded half up.
inline int64_t high_product(int64_t a, int64_t b) { return floor_shift(a * b + (1 << 14), 15); }

/// Bernstein's inequality: a sum of independent variables that stay within `largest` of their means and whose variances
/// add up to `variance` is farther than this from its mean with a probability below `alarm`.
inline double bernstein(double variance, double largest, double alarm) {
  const double log = std::log(2 / alarm), linear = largest * log / 3;
  return linear + std::sqrt(linear * linear + 2 * variance * log);
}

}  // namespace subbyte
