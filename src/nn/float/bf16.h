// BF16 as storage: the upper half of a float.
#pragma once
#include <bit>
#include <cstdint>

namespace subbyte::twin {

/// Rounds to the nearest, ties to even; a NaN stays a NaN.
struct Bf16 {
  uint16_t bits = 0;

  Bf16() = default;
  explicit Bf16(float value) {
    const uint32_t word = std::bit_cast<uint32_t>(value);
    if ((word & 0x7FFFFFFFu) > 0x7F800000u)
      bits = uint16_t((word >> 16) | 0x40u);
    else
      bits = uint16_t((word + 0x7FFFu + ((word >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

}  // namespace subbyte::twin
