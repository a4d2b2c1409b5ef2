// What a normalization saves for its backward pass, where that is less than its codes q (kernels/norm): a sign, a magnitude
// of M bits and, if asked for, whether z was positive.
//
//   saved     [q < 0][z > 0]m     m = min(((q < 0 ? -1 - q : q) + d) >> s, 2^M - 1),   M + s = bits - 1
//   restored  q' = q < 0 ? -1 - 2^s m : 2^s m;  over a dither d uniform in 0 .. 2^s - 1 its mean is q
//
// The sign is always q's (zero counts as positive). So L1's backward, which reads signs and sums of delta q', loses nothing
// but noise that is averaged over a batch. The dither follows from the element and an image's own random start:
//   d(i) = (11 l + 7 (l / 16) + 5 (i / 64) + start) mod 2^s,   l = i mod 64
#pragma once
#include <cstdint>

#include "base/isa.h"
#include "kernels/quantize/quantize.h"

namespace subbyte {

/// Widths of a saved code. M is at least 1 and s too, where the saved bits are fewer than the code's.
struct SavedNormCode {
  int code_bits;   ///< of q
  int saved_bits;
  bool has_mask;   ///< one of the saved bits is z > 0

  int magnitude_bits() const { return saved_bits - 1 - has_mask; }
  int shift() const { return code_bits - 1 - magnitude_bits(); }
  /// Largest |q| that is saved without a bias.
  int top() const { return ((1 << magnitude_bits()) - 1) << shift(); }
};

inline int norm_code_dither(int64_t i, int start) {
  const int lane = int(i % 64);
  return 11 * lane + 7 * (lane / 16) + int(5 * (i / 64) % 256) + start;  // of which the low s bits count
}

struct NormCodeKernels {
  /// In place, one byte each: q + 2^(code_bits-1) becomes its saved code. Bit i % 8 of byte i / 8 of `mask` is
  /// z > 0; it is read with has_mask only.
  void (*save)(uint8_t* codes, const uint8_t* mask, int64_t count, const SavedNormCode&, int start);
  /// In place: a saved code becomes q' + 2^(code_bits-1). With has_mask the bits of `mask` are written, unless it is null.
  void (*restore)(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode&);
};

const NormCodeKernels& norm_code_kernels(Isa isa);

/// An image's saved codes, packed, and what a pass of the normalization needs that does not have them in its registers.
struct SavedImage {
  SavedNormCode width;
  uint8_t* packed;
  uint8_t *codes, *mask;  ///< scratch: a byte an element (7 more are written), a bit an element (with has_mask)
  int start;              ///< of the dither; to save only
  const NormCodeKernels* kernels;
  const QuantizeKernels* quantize;

  void save(int64_t count) const {
    kernels->save(codes, mask, count, width, start);
    quantize->pack(codes, count, width.saved_bits, packed);
  }
  void restore(int64_t count, bool restores_mask) const {
    quantize->unpack(packed, count, width.saved_bits, codes);
    kernels->restore(codes, restores_mask ? mask : nullptr, count, width);
  }
};

}  // namespace subbyte
