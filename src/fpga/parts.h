// A product that an array cannot compute in one go, as parts whose sums add up to it.
#pragma once
#include <vector>

#include "fpga/config.h"
#include "fpga/product.h"

namespace subbyte {

/// Codes wider than a port become digits of one bit less than the port (low ones unsigned, the highest signed); reduced
/// indices whose sums could exceed the accumulator become several segments. The parts' sums, by the specification, count
/// 2^sum_shift each; together they are the product's, or Error is thrown. A product that fits is its only part.
std::vector<ArrayProduct> split_product(const ArrayProduct&, const ArrayConfig&);

}  // namespace subbyte
