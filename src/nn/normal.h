// Standard normal numbers from random words, the same bits on every machine.
#pragma once
#include <cmath>
#include <cstdint>

#include "base/philox.h"
#include "nn/portable_math.h"

namespace subbyte {

/// Box-Muller: one number from two words.
inline double standard_normal(uint32_t radius_word, uint32_t angle_word) {
  const double u = uniform01(radius_word) + 0x1p-33;  // never 0
  return std::sqrt(-2.0 * portable_log(u)) * portable_cos_turn(uniform01(angle_word));
}

}  // namespace subbyte
