// FP32 master weights to codes, and codes to the words that the row products read (kernels/conv). Weights and codes are
// [outputs][taps][channels].
//
//   codes     code = round half even (clamp(value * inverse, -top, top)), in double precision
//   filters   code = q * 2^u, q = round half even (clamp(value * inverse * 2^-u, -top, top)); the taps of one input and one
//             output channel are a filter and share the smallest u <= most_shift with max |value| * inverse <= (top + 1/2) 2^u
//   forward   row r = input channel,  column n = output channel:  word element = code[n][tap][r] << left[r]
//   backward  row r = output channel, column n = input channel:   word element = code[r][tap][n] << left[r]
//   gradient  the other way: integer sums [tap][k][n] to the FP32 gradient [n][tap][channel]
//
// A word has 32 bits: 4 bytes or 2 int16 of neighbouring rows, zero beyond the last row and column. Words are
// [panel][positions][rows / 4 or 2][panel_width] (kernels/conv); position i holds tap order[i]. Elements must fit after
// their shift.
#pragma once
#include <cstdint>

#include "base/isa.h"
#include "kernels/conv/conv.h"

namespace subbyte {

struct WeightPack {
  const int8_t* code;
  int outputs, taps, channels;
  const int32_t* left;     ///< [rows]
  const int32_t* order;    ///< [positions], the tap of each
  int positions;
  int begin, end;          ///< columns to write, multiples of 16
  int n16;                 ///< all columns
  uint32_t* words;
  int32_t* column_sum;     ///< [n16]: sum over taps and rows of what was written; [begin, end) is set
};

/// One thread's sums of the weight gradient [tap][k][n]: sum - zero_sum[n], plus total where it is not null.
struct WeightSums {
  const int32_t* sum;
  const int32_t* zero_sum;  ///< [outputs]
  const int64_t* total;
};

/// Gradient of output channels [begin, end): grad[n][tap][channel] = (sum over parts) * input_unit[channel] * output_unit[n],
/// in double precision, rounded to float.
struct WeightGradientSums {
  const WeightSums* part;
  int parts, taps, channels, k, n;  ///< sums are [taps][k][n]
  int begin, end;
  const double *input_unit, *output_unit;
  float* grad;
};

struct WeightKernels {
  /// The largest of the bits of |value|: ordered as the values are, 0x7F800000 or more where one is not finite.
  uint32_t (*range)(const float* value, int64_t count);
  void (*codes)(const float* value, int64_t count, double inverse, int top, int8_t* code);
  /// Of the filters [taps][channels] of an output channel; top * 2^most_shift <= 127.
  void (*filters)(const float* value, int taps, int channels, double inverse, int top, int most_shift, int8_t* code);
  void (*forward_bytes)(const WeightPack&);
  void (*forward_int16)(const WeightPack&);
  void (*backward_bytes)(const WeightPack&);
  void (*backward_int16)(const WeightPack&);
  void (*gradient)(const WeightGradientSums&);
};

const WeightKernels& weight_kernels(Isa isa);

}  // namespace subbyte
