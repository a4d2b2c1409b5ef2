// Philox4x32-10 (Salmon et al., SC 2011): random numbers as a function of (key, counter), no state.
// The same element draws the same number on any thread, instruction set or rank.
#pragma once
#include <array>
#include <cstdint>

namespace subbyte {

struct PhiloxKey {
  uint32_t k0, k1;
};

/// Four 32-bit words for one 128-bit counter.
inline std::array<uint32_t, 4> philox(PhiloxKey key, std::array<uint32_t, 4> counter) {
  uint32_t k0 = key.k0, k1 = key.k1;
  auto [x0, x1, x2, x3] = counter;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * x0;
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * x2;
    const uint32_t y0 = uint32_t(p1 >> 32) ^ x1 ^ k0;
    const uint32_t y2 = uint32_t(p0 >> 32) ^ x3 ^ k1;
    x1 = uint32_t(p1);
    x3 = uint32_t(p0);
    x0 = y0;
    x2 = y2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {x0, x1, x2, x3};
}

/// What a stream of random numbers is for; part of the counter, so that streams never overlap.
enum class RandomUse : uint32_t {
  gradient = 1,
  init = 2,
  shuffle = 3,
  augment = 4,
  norm_gradient = 5,
  tie = 6,
  norm_constant = 7,
  input_gradient = 8,
  direction = 9,
  norm_codes = 10
};

/// Four words for element block `index` of stream (seed, use, step, tensor).
inline std::array<uint32_t, 4> random_words(uint64_t seed, RandomUse use, uint32_t step, uint32_t tensor, uint32_t index) {
  return philox({uint32_t(seed), uint32_t(seed >> 32)}, {index, tensor, step, uint32_t(use)});
}

/// Uniform in [0, 1) with 32 bits.
inline double uniform01(uint32_t word) { return word * 0x1p-32; }

}  // namespace subbyte
