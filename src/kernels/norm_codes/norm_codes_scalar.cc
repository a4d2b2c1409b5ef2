// The specification, element by element.
#include "kernels/norm_codes/norm_codes.h"

namespace subbyte {
namespace {

void save(uint8_t* codes, const uint8_t* mask, int64_t count, const SavedNormCode& f, int start) {
  const int m = f.magnitude_bits(), s = f.shift();
  for (int64_t i = 0; i < count; ++i) {
    const int q = codes[i] - (1 << (f.code_bits - 1)), magnitude = q < 0 ? -1 - q : q;
    const int dither = norm_code_dither(i, start) & ((1 << s) - 1);
    int code = (magnitude + dither) >> s;
    if (code >= 1 << m) code = (1 << m) - 1;
    if (f.has_mask) code |= ((mask[i / 8] >> (i % 8)) & 1) << m;
    if (q < 0) code |= 1 << (f.saved_bits - 1);
    codes[i] = uint8_t(code);
  }
}

void restore(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  const int m = f.magnitude_bits(), s = f.shift();
  for (int64_t i = 0; i < (count + 7) / 8 && f.has_mask && mask; ++i) mask[i] = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int code = codes[i], magnitude = (code & ((1 << m) - 1)) << s;
    if (f.has_mask && mask) mask[i / 8] = uint8_t(mask[i / 8] | ((code >> m) & 1) << (i % 8));
    codes[i] = uint8_t((1 << (f.code_bits - 1)) + (code >> (f.saved_bits - 1) ? -1 - magnitude : magnitude));
  }
}

}  // namespace

extern const NormCodeKernels norm_code_kernels_scalar;
const NormCodeKernels norm_code_kernels_scalar = {save, restore};

}  // namespace subbyte
