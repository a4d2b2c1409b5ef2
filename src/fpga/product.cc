#include "fpga/product.h"

#include <algorithm>

#include "base/error.h"

namespace subbyte {
namespace {

int most(const std::vector<uint8_t>& shifts) {
  return shifts.empty() ? 0 : *std::max_element(shifts.begin(), shifts.end());
}

int64_t top(const ArrayOperand& operand) {
  int64_t largest = 0;
  for (size_t i = 0; i < operand.code.size(); ++i)
    largest = std::max(largest, int64_t(operand.code[i] < 0 ? -operand.code[i] : operand.code[i]) << operand.shift[i]);
  return largest;
}

}  // namespace

int ArrayOperand::most_shift() const { return most(shift); }
int ArrayProduct::most_k_shift() const { return most(k_shift); }
int64_t ArrayProduct::bound() const { return (int64_t(k) * top(a) * top(b)) << most_k_shift(); }

std::vector<int64_t> reference_sums(const ArrayProduct& p) {
  std::vector<int64_t> sums(size_t(p.m()) * size_t(p.n()), 0);
  for (int m = 0; m < p.m(); ++m)
    for (int n = 0; n < p.n(); ++n) {
      int64_t sum = 0;
      for (int k = 0; k < p.k; ++k) {
        const size_t i = size_t(m) * size_t(p.k) + size_t(k), j = size_t(n) * size_t(p.k) + size_t(k);
        const int64_t a = int64_t(p.a.code[i]) * (1 << p.a.shift[i]), b = int64_t(p.b.code[j]) * (1 << p.b.shift[j]);
        sum += a * b * (int64_t{1} << p.k_shift[size_t(k)]);
      }
      sums[size_t(m) * size_t(p.n()) + size_t(n)] = sum;
    }
  return sums;
}

void check_sums(const ArrayProduct& p) {
  const std::vector<int64_t> expected = reference_sums(p);
  for (size_t i = 0; i < expected.size(); ++i)
    if (p.sums[i] != expected[i])
      throw Error(p.name + ": sum [" + std::to_string(i / size_t(p.n())) + "][" + std::to_string(i % size_t(p.n())) +
                  "]: the kernel found " + std::to_string(p.sums[i]) + ", expected " + std::to_string(expected[i]));
}

}  // namespace subbyte
