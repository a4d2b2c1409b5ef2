#include "nn/integer/activation_blocks.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace subbyte {

int activation_shift(const QuantConfig& q, int bits, bool is_signed, int channels) {
  if (is_signed || (channels > 512 && channels % 8 != 0)) return 0;
  const int groups = q.block_groups_a > 0 ? q.block_groups_a : most_block_shift + 1;
  return std::clamp(groups - 1, 0, std::min(8 - bits, most_block_shift));
}

int64_t activation_bytes(Shape s, int bits, int most_shift) {
  return packed_bytes(s.elements(), bits) + (most_shift > 0 ? block_shift_bytes(s.elements(), s.c) : 0);
}

void unpack_codes(const Context& ctx, const Codes& codes, int image, int64_t elements, uint8_t* out) {
  if (codes.most_shift == 0) return ctx.quantize.unpack(codes.image(image), elements, codes.bits, out);
  const uint8_t* packed = codes.image(image);
  ctx.quantize.unpack_blocks(packed, packed + packed_bytes(elements, codes.bits), elements, int(codes.shift.size()), codes.bits,
                             elements, 0, out);
}

void block_shifts(const Codes& codes, int image, int64_t elements, uint8_t* out) {
  std::fill(out, out + elements, uint8_t(0));
  if (codes.most_shift == 0) return;
  // The operands of codes that are all 1 are the shifts' powers of two.
  const uint8_t* shifts = codes.image(image) + packed_bytes(elements, codes.bits);
  std::vector<uint8_t> ones(size_t(packed_bytes(elements, 1)), 0xff), powers(size_t(elements) + 8);
  quantize_kernels(Isa::scalar).unpack_blocks(ones.data(), shifts, elements, int(codes.shift.size()), 1, elements, 0,
                                              powers.data());
  for (int64_t i = 0; i < elements; ++i) out[i] = uint8_t(std::countr_zero(powers[size_t(i)]));
}

}  // namespace subbyte
