#include "nn/integer/activation_blocks.h"

#include <algorithm>

#include "kernels/period.h"

namespace subbyte {

int activation_shift(const QuantConfig& q, int bits, bool is_signed) {
  constexpr int enough = 4;
  if (is_signed) return 0;
  return std::clamp((q.block_groups_a > 0 ? q.block_groups_a : enough) - 1, 0, 8 - bits);
}

int64_t activation_block(Shape s) {
  constexpr int64_t pixels = 64;  // few enough to follow the image, enough that a shift's byte costs little
  const int64_t row = int64_t(s.w) * s.c, rows = (pixels + s.w - 1) / s.w;
  return rows < s.h && rows * row % 8 == 0 ? rows * row : s.elements();
}

int64_t activation_bytes(Shape s, int bits, int most_shift) {
  const int64_t blocks = (s.elements() + activation_block(s) - 1) / activation_block(s);
  return packed_bytes(s.elements(), bits) + (most_shift > 0 ? blocks * s.c : 0);
}

void block_factors(const Codes& codes, int image, int64_t block, Buffer<uint8_t>& factor) {
  const int channels = int(codes.shift.size());
  const uint8_t* shift = codes.block_shifts(image) + block * channels;
  factor.resize(size_t(channel_period(channels)));
  for (int c = 0; c < channels; ++c) factor[c] = uint8_t(1 << shift[c]);
  for (size_t i = channels; i < factor.size(); ++i) factor[i] = factor[i - channels];
}

void raise_codes(const Codes& codes, int image, int64_t elements, uint8_t* bytes) {
  if (codes.most_shift == 0) return;
  const int64_t channels = int64_t(codes.shift.size());
  const uint8_t* shift = codes.block_shifts(image);
  for (int64_t at = 0; at < elements; at += codes.block, shift += channels)
    for (int64_t end = std::min(at + codes.block, elements), i = at; i < end; i += channels)
      for (int64_t c = 0; c < channels; ++c) bytes[i + c] = uint8_t(bytes[i + c] << shift[c]);
}

}  // namespace subbyte
