// The plain loops: what the compiler makes of them for the base instruction set, operands in the first-level cache.
#include <array>

#include "kernels/peak/peak.h"

namespace subbyte {
namespace {
#include "kernels/peak/peak_loops.inl"

constexpr int count = 4096;

template <class T>
std::array<T, count> ones() {
  std::array<T, count> a;
  a.fill(1);
  return a;
}

template <class A, class B>
int64_t dot() {
  static const std::array<A, count> a = ones<A>();
  static const std::array<B, count> b = ones<B>();
  int64_t sum = 0;
  for (int round = 0; round < 16; ++round) {
    const A* x = a.data();
    const B* y = b.data();
    asm volatile("" : "+r"(x), "+r"(y) : : "memory");  // the operands are read anew
    int32_t part = 0;
    for (int i = 0; i < count; ++i) part += x[i] * y[i];
    sum += part;
  }
  return sum;
}

}  // namespace

extern const PeakKernels peak_kernels_scalar;
const PeakKernels peak_kernels_scalar = {{"plain loop", 16 * count, dot<uint8_t, int8_t>},
                                         {"plain loop", 16 * count, dot<int16_t, int16_t>},
                                         {nullptr, 0, nullptr},
                                         {nullptr, 0, nullptr},
                                         stream};

}  // namespace subbyte
