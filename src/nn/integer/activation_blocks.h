// Power-of-two shifts over blocks of an unsigned activation: a block is 16 elements of a channel and an image
// (kernels/quantize).
//   value = scale * 2^-n_c * q * 2^u,   0 <= u <= S        (docs/method.md, section 3)
// u is reduced over in forward (channels) and in backward-weights (images), so the operands of both hold q * 2^u. An image's
// shifts stand behind its codes.
#pragma once
#include <cstdint>

#include "nn/integer/context.h"
#include "nn/integer/grid.h"

namespace subbyte {

/// S for an activation of `bits`: bits + S <= 8, what an operand holds. 0 for signed ones, whose zero point would move, and
/// for many channels that fill no bytes (kernels/quantize).
int activation_shift(const QuantConfig&, int bits, bool is_signed, int channels = 8);

/// Largest operand of an activation: a code times 2^S.
inline int32_t top_activation(const QuantConfig& q, int bits, bool is_signed) {
  return top_code(bits, is_signed) << activation_shift(q, bits, is_signed);
}

/// Bytes of an image: its codes, then the shifts of its blocks, if it has any.
int64_t activation_bytes(Shape, int bits, int most_shift);

/// An image's codes as operands, one byte each: q * 2^u, or q plus the zero point. Up to 7 bytes more are written.
void unpack_codes(const Context&, const Codes&, int image, int64_t elements, uint8_t* out);

/// The shift u of every element's block; zeros where blocks have none.
void block_shifts(const Codes&, int image, int64_t elements, uint8_t* out);

}  // namespace subbyte
