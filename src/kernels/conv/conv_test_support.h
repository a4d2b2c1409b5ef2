// What the tests of the products share: operands within the bounds that a Dot asks for, and a word's product by definition.
#pragma once
#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/test_support.h"

namespace subbyte {

/// Bounds of byte operands: 0 <= u <= max_u, |s| <= max_s, and how many words' pair sums may be added up in 16 bits.
struct Bytes {
  Dot dot;
  int max_u = 255, max_s = 127, burst = 1;
};

inline Bytes any_bytes(Dot dot) {
  Bytes b{dot};
  if (dot != Dot::u8s8) return b;
  b.max_u = (1 << *rc::gen::element(1, 2, 3, 4, 5, 6, 7, 8)) - 1;
  const int most = std::min(127, 32767 / (2 * b.max_u));
  b.max_s = *rc::gen::element(1, std::min(7, most), most, *rc::gen::inRange(1, most + 1));
  const int largest = int16_burst(b.max_u, b.max_s);
  RC_ASSERT(largest >= 1);
  b.burst = *rc::gen::element(1, largest, *rc::gen::inRange(1, largest + 1));
  return b;
}

/// The largest operands of a reduction, signs by column: its pair sums reach what `burst` promises.
inline void make_largest(Bytes& b) { b.burst = int16_burst(b.max_u, b.max_s); }

/// First operands: any bytes that the Dot takes.
inline void fill_first(Contents& contents, const Bytes& b, Guarded<uint8_t>& a) {
  contents.fill(a, 0, b.dot == Dot::u8s8 ? b.max_u : 255);
}

/// Second operands. As s16, words that overlap in `a` may pair any two bytes: -128 as a high byte is left out, since two
/// products of -32768 * -32768 overflow.
inline void fill_second(Contents& contents, const Bytes& b, uint8_t* w, size_t count) {
  const int low = b.dot == Dot::u8s8 ? -b.max_s : b.dot == Dot::s16 ? -127 : -128;
  contents.fill(reinterpret_cast<int8_t*>(w), count, low, b.dot == Dot::u8s8 ? b.max_s : 127);
}

inline int64_t dot_of(const uint8_t* a, const uint8_t* w, Dot dot) {
  int64_t sum = 0;
  if (dot == Dot::s16) {
    for (int i = 0; i < 4; i += 2) {
      const auto value = [i](const uint8_t* p) { return int16_t(p[i] | p[i + 1] << 8); };
      sum += int64_t(value(a)) * value(w);
    }
  } else {
    for (int i = 0; i < 4; ++i) sum += int64_t(a[i]) * int8_t(w[i]);
  }
  return sum;
}

/// Sums are exact modulo 2^32.
inline int32_t wrapped(int64_t v) { return int32_t(uint32_t(uint64_t(v))); }

/// The order in which words of one panel after the other stand in memory: place[r * n + column].
inline std::vector<size_t> panel_places(int64_t rows, int n) {
  std::vector<size_t> place(size_t(rows) * n);
  size_t next = 0;
  for (int begin = 0; begin < n; begin += 32)
    for (int64_t r = 0; r < rows; ++r)
      for (int column = begin; column < std::min(begin + 32, n); ++column) place[size_t(r) * n + column] = next++;
  return place;
}

}  // namespace subbyte
