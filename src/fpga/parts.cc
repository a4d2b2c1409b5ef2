#include "fpga/parts.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace subbyte {
namespace {

struct Digit {
  ArrayOperand operand;
  int shift = 0;  // of the digit in the code
};

/// `symmetric`: the lowest code of the port is none (a's, fpga/README.md). A highest digit that holds all its bits could be it.
std::vector<Digit> digits_of(const ArrayOperand& whole, int port, bool symmetric) {
  if (whole.port_bits() <= port) return {{whole, 0}};
  std::vector<Digit> digits;
  const int step = port - 1, magnitude = whole.port_bits() - 1;
  const int count = (magnitude + step - 1) / step + (symmetric && whole.is_signed && magnitude % step == 0);
  for (int d = 0; d < count; ++d) {
    Digit digit{whole, d * step};
    const bool last = d + 1 == count;
    digit.operand.is_signed = last && whole.is_signed;
    digit.operand.bits = digit.operand.is_signed ? port : step;
    for (int16_t& code : digit.operand.code) {
      const int rest = code >> digit.shift;  // rounds down, so that low digits are never negative
      code = int16_t(last ? rest : rest & ((1 << step) - 1));
    }
    digits.push_back(std::move(digit));
  }
  return digits;
}

ArrayOperand columns_of(const ArrayOperand& whole, int k, int begin, int end) {
  ArrayOperand part{whole.bits, whole.is_signed, whole.outer, {}, {}, whole.zero};
  for (int i = 0; i < whole.outer; ++i) {
    const int64_t at = int64_t(i) * k;
    part.code.insert(part.code.end(), whole.code.begin() + at + begin, whole.code.begin() + at + end);
    part.shift.insert(part.shift.end(), whole.shift.begin() + at + begin, whole.shift.begin() + at + end);
  }
  return part;
}

void require_whole(const ArrayProduct& whole, const std::vector<ArrayProduct>& parts) {
  for (size_t i = 0; i < whole.sums.size(); ++i) {
    int64_t sum = 0;
    for (const ArrayProduct& part : parts) sum += int64_t(part.sums[i]) * (int64_t{1} << part.sum_shift);
    if (sum != whole.sums[i])
      throw Error(whole.name + ": its parts' sums " + std::to_string(i) + " add up to " + std::to_string(sum) +
                  ", expected the kernel's " + std::to_string(whole.sums[i]));
  }
}

}  // namespace

std::vector<ArrayProduct> split_product(const ArrayProduct& whole, const ArrayConfig& config) {
  std::vector<ArrayProduct> parts;
  for (const Digit& a : digits_of(whole.a, config.a_bits, true))
    for (const Digit& b : digits_of(whole.b, config.b_bits, false)) {
      ArrayProduct part = whole;
      part.a = a.operand;
      part.b = b.operand;
      part.sum_shift = a.shift + b.shift;
      const int64_t one = std::max<int64_t>(part.bound() / std::max(part.k, 1), 1);
      const int most = int(std::min<int64_t>(config.top_sum() / one, part.k));
      if (most < 1)
        throw UsageError("bits of a sum: found " + std::to_string(config.acc_bits) + ", expected at least " +
                         std::to_string(std::bit_width(uint64_t(one)) + 1) + " for one product of " + whole.name);
      const int segments = (part.k + most - 1) / most, length = (part.k + segments - 1) / segments;
      for (int begin = 0; begin < part.k; begin += length) {
        const int end = std::min(part.k, begin + length);
        ArrayProduct segment = part;
        segment.k = end - begin;
        segment.a = columns_of(part.a, part.k, begin, end);
        segment.b = columns_of(part.b, part.k, begin, end);
        segment.k_shift.assign(part.k_shift.begin() + begin, part.k_shift.begin() + end);
        segment.sums.clear();
        for (int64_t sum : reference_sums(segment)) segment.sums.push_back(int32_t(sum));
        parts.push_back(std::move(segment));
      }
    }
  for (size_t i = 0; i < parts.size() && parts.size() > 1; ++i) parts[i].name += ".part" + std::to_string(i);
  require_whole(whole, parts);
  return parts;
}

}  // namespace subbyte
