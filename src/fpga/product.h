// A layer's products as matrices, the way the array computes them:
//   sum[m][n] = sum over k of (a[m][k] << a_shift[m][k]) * (b[k][n] << b_shift[k][n]) << k_shift[k]
// Shifts of blocks stand at the operands' elements, ShiftQuant's of reduced channels at k; those of outer channels and of
// samples leave the sum and are not here (docs/method.md, section 3).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace subbyte {

/// Codes without zero point and the left shifts of their blocks, [outer][k]: m of a, n of b.
struct ArrayOperand {
  int bits = 0;             ///< of a code
  bool is_signed = true;
  int outer = 0;
  std::vector<int16_t> code;
  std::vector<uint8_t> shift;
  int zero = 0;             ///< what the library's stored codes have added; taken out here

  /// Bits of a signed port that holds it: one more for unsigned codes.
  int port_bits() const { return bits + !is_signed; }
  int most_shift() const;
};

struct ArrayProduct {
  std::string name;         ///< "forward", "backward_data", "backward_data.1" (a stride's phase), "backward_weights"
  std::string rows, columns, reduced;  ///< what m, n and k are, in words
  int k = 0;
  ArrayOperand a, b;
  std::vector<uint8_t> k_shift;  ///< [k]
  std::vector<int32_t> sums;     ///< [m][n]
  int sum_shift = 0;             ///< of a part (parts.h): its sums count 2^sum_shift in the whole

  int m() const { return a.outer; }
  int n() const { return b.outer; }
  int most_k_shift() const;
  /// No partial sum's magnitude is larger, in any order.
  int64_t bound() const;
};

/// The sums by the equation above, in plain loops of 64 bits: the specification.
std::vector<int64_t> reference_sums(const ArrayProduct&);

/// Throws Error naming the first sum that is not the reference's.
void check_sums(const ArrayProduct&);

}  // namespace subbyte
