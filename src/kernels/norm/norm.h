// Elementwise passes of batch normalization on int16 streams (docs/method.md, section 4), one image at a time.
//
//   narrow     y = clamp((acc + 2^(t-1)) >> t, +-16383), with the sum, minimum and maximum of y per channel
//   deviation  sum |y - mu| (L1) or (y - mu)^2 (L2) per channel
//   forward    t' = clamp(y - mu, limit) * pow2;   q = (t' + half) >> (16 - bits)          [q is saved for backward]
//              z  = multiply_high(q << (16 - bits), scale) + offset (+ multiply_high(r * r_pow2, r_scale)), then ReLU
//              and, where asked for, the codes of z to the nearest (kernels/quantize)
//   affine     z  = clamp((y * scale + offset) >> shift, low, high) (+ multiply_high(r * r_pow2, r_scale), then ReLU): a
//              normalization whose statistics are constants, without codes
//   reduce     delta = mask ? delta : 0;   sum delta, sum delta q per channel, max |delta|; without a residual the mask
//              follows from the codes: multiply_high(q << (16 - bits), scale) + offset > 0
//   backward   dy = multiply_high(delta * d_pow2, scale) - mean - (L1: sign(q) * slope | L2: multiply_high(q << .., slope));
//              max |dy| per channel; sign(0) = 1, so that a saved code (kernels/norm_codes) needs one bit for it
//
// Arrays named [period] hold channel constants repeated (kernels/period.h); [channels] arrays are added to.
#pragma once
#include <cstdint>

#include "base/isa.h"
#include "kernels/period.h"
#include "kernels/norm_codes/norm_codes.h"
#include "kernels/quantize/quantize.h"

namespace subbyte {

struct NarrowStats {
  int64_t* sum;      ///< [channels]
  int32_t* low;      ///< [channels], minimum
  int32_t* high;     ///< [channels], maximum
};

/// Codes of z as packed bits, written while z is at hand. `nearest_packed` is the quantizer's kernel for it.
struct NormCodes {
  QuantizeGrid grid;
  int zero, bits;
  uint8_t* packed;
  decltype(QuantizeKernels::nearest_packed) nearest_packed;
};

struct NormForward {
  const int16_t *mu, *limit, *pow2;  ///< [period]
  const int16_t *scale, *offset;     ///< [period]
  int channels, bits;
  const int16_t* residual;           ///< [count] or null
  int16_t residual_pow2, residual_scale;
  bool relu;
  // outputs
  int16_t* z;          ///< [count]; may be y
  uint8_t* q;          ///< [count], q + 2^(bits-1), one byte each; whole groups of 8 are written
  uint8_t* mask;       ///< ReLU: bit i % 8 of byte i / 8 is z > 0; null without ReLU
  int64_t* sign_sum;   ///< [channels], sum of sign(q)
  int32_t* z_max;      ///< [channels], max |z|
  const NormCodes* codes = nullptr;  ///< or null
  bool z_read = true;  ///< false: z is scratch, and need not be written
  const SavedImage* saved = nullptr;  ///< written, if given; q is then its `codes`, and mask its `mask` with has_mask: scratch
};

/// Sums y * scale + offset must fit 32 bits, and z with the residual 16.
struct NormAffine {
  const int16_t* scale;              ///< [period]
  const int32_t* offset;             ///< [period]
  const int16_t *shift, *low, *high; ///< [period]; shifts 0 to 15
  int channels;
  const int16_t* residual;           ///< [count] or null: neither it nor relu then has a part
  int16_t residual_pow2, residual_scale;
  bool relu;
  int16_t* z;                        ///< [count]; may be y
};

struct NormReduce {
  int16_t* delta;        ///< [count], masked in place
  const uint8_t* mask;   ///< or null
  const uint8_t* q;      ///< [count]
  int channels, bits;
  int64_t *sum, *product;  ///< [channels]
  int32_t* delta_max;      ///< one value
  const int16_t* scale = nullptr;   ///< [period], as in forward: elements with z <= 0 are masked; null: they are not
  const int16_t* offset = nullptr;  ///< [period]
  const SavedImage* saved = nullptr;  ///< read in place of q, which is its `codes`; with has_mask, mask is its `mask`
};

struct NormBackward {
  const int16_t* delta;
  const uint8_t* q;
  const int16_t *scale, *mean, *slope;  ///< [period]
  int channels, bits;
  int16_t delta_pow2;
  bool l2;
  int16_t* dy;           ///< may be delta
  int32_t* dy_max;       ///< [channels], max |dy|, at least what it holds
  const SavedImage* saved = nullptr;  ///< as in NormReduce
};

struct NormKernels {
  /// acc is [pixels][acc_stride]; statistics are skipped where stats.sum is null. Returns max |acc| over the channels used.
  int32_t (*narrow)(const int32_t* acc, int pixels, int channels, int acc_stride, int t, int16_t* y, const NarrowStats&);
  void (*deviation)(const int16_t* y, int64_t count, int channels, const int16_t* mu, bool l2, int64_t* sum);
  void (*forward)(const int16_t* y, int64_t count, const NormForward&);
  void (*reduce)(int64_t count, const NormReduce&);
  void (*backward)(int64_t count, const NormBackward&);
  /// out = multiply_high(a * a_pow2, a_scale) + multiply_high(b * b_pow2, b_scale); out may be a or b.
  void (*combine)(const int16_t* a, int16_t a_pow2, int16_t a_scale, const int16_t* b, int16_t b_pow2, int16_t b_scale,
                  int64_t count, int16_t* out);
  void (*affine)(const int16_t* y, int64_t count, const NormAffine&);
};

const NormKernels& norm_kernels(Isa isa);

}  // namespace subbyte
