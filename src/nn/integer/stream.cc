#include "nn/integer/stream.h"

#include <algorithm>
#include <cmath>

namespace subbyte {

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
