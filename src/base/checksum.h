// FNV-1a, 64 bits: finds damage, not malice.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace subbyte {

inline constexpr uint64_t kFnvStart = 0xcbf29ce484222325u;

/// Continues from `hash`, so that several pieces can be hashed as one.
inline uint64_t fnv1a64(std::span<const uint8_t> bytes, uint64_t hash = kFnvStart) {
  for (uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

/// 16 lower-case hexadecimal digits.
inline std::string hex64(uint64_t value) {
  std::string text(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace subbyte
