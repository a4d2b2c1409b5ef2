// Random products for tests.
#pragma once
#include <rapidcheck.h>

#include "fpga/product.h"

namespace subbyte {

struct ProductBits {
  int a = 4, b = 4;
  bool a_signed = true;
  int a_shift = 0, b_shift = 0, k_shift = 0;  ///< the largest
};

inline ArrayOperand random_operand(int bits, bool is_signed, int outer, int k, int most_shift) {
  ArrayOperand o{bits, is_signed, outer, {}, {}, 0};
  const int top = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  for (int i = 0; i < outer * k; ++i) {
    o.code.push_back(int16_t(*rc::gen::inRange(is_signed ? -top : 0, top + 1)));
    o.shift.push_back(uint8_t(*rc::gen::inRange(0, most_shift + 1)));
  }
  return o;
}

inline ArrayProduct random_product(int m, int n, int k, const ProductBits& bits) {
  ArrayProduct p;
  p.name = "random";
  p.k = k;
  p.a = random_operand(bits.a, bits.a_signed, m, k, bits.a_shift);
  p.b = random_operand(bits.b, true, n, k, bits.b_shift);
  for (int i = 0; i < k; ++i) p.k_shift.push_back(uint8_t(*rc::gen::inRange(0, bits.k_shift + 1)));
  for (int64_t sum : reference_sums(p)) p.sums.push_back(int32_t(sum));
  return p;
}

/// Up to 12 x 12, k up to 40.
inline ArrayProduct random_product(const ProductBits& bits) {
  return random_product(*rc::gen::inRange(1, 13), *rc::gen::inRange(1, 13), *rc::gen::inRange(1, 41), bits);
}

}  // namespace subbyte
