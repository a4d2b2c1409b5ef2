// Power-of-two shifts over blocks of an unsigned activation: a block is some rows of one channel of one image.
//   value = scale * 2^-n_c * 2^(S - e) * q,   0 <= e <= S        (docs/method.md, section 3)
// e is reduced over in forward (channels) and in backward-weights (images), so the operands of both hold q * 2^(S - e). A
// byte S - e a block and channel stands behind an image's codes.
#pragma once
#include <cstdint>

#include "nn/integer/grid.h"
#include "nn/integer/stream.h"
#include "quant/format.h"

namespace subbyte {

/// S for activations of `bits`: bits + S <= 8, what an operand holds. 0 for signed ones, whose zero point would move.
int activation_shift(const QuantConfig&, int bits, bool is_signed);

/// Largest operand of an activation: a code times 2^S.
inline int32_t top_activation(const QuantConfig& q, int bits, bool is_signed) {
  return top_code(bits, is_signed) << activation_shift(q, bits, is_signed);
}

/// Elements of a block of all channels: whole rows of pixels that fill whole bytes of codes; else the image.
int64_t activation_block(Shape);

/// Bytes of an image: its codes, then the shifts of its blocks, if it has any.
int64_t activation_bytes(Shape, int bits, int most_shift);

/// 2^(S - e) of a block's channels, repeated over a period (kernels/period.h).
void block_factors(const Codes&, int image, int64_t block, Buffer<uint8_t>& factor);

/// Codes that were unpacked become operands in place: bytes[i] <<= S - e.
void raise_codes(const Codes&, int image, int64_t elements, uint8_t* bytes);

}  // namespace subbyte
