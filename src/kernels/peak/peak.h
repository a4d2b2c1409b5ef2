// What a core can do at most: loops of nothing but one instruction on registers, and a pass over memory. Benchmarks divide
// by these, measured in the same run.
//
// Every operand of a loop is 1, so that the sum of its accumulators is the number of multiply-accumulates that it did: a
// loop that the compiler has folded or shortened cannot pass the check.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace subbyte {

/// Rounds of a call: an int16 sum of two products a round still fits.
inline constexpr int peak_rounds = 8192;

struct PeakLoop {
  const char* instruction;  ///< null: the instruction set has none
  int64_t macs;             ///< of a call
  int64_t (*run)();         ///< returns the sum of the accumulators: `macs`, or 0 where the machine lacks the instruction
};

struct PeakKernels {
  PeakLoop dot8;   ///< u8 x s8
  PeakLoop dot16;  ///< s16 x s16
  PeakLoop bf16;
  PeakLoop fp32;
  /// out[i] = in[i] + add: what an elementwise pass can reach, which reads and writes as much.
  void (*stream)(const uint32_t* in, int64_t count, uint32_t add, uint32_t* out);
};

const PeakKernels& peak_kernels(Isa isa);

}  // namespace subbyte
