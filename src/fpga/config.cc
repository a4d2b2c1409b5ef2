#include "fpga/config.h"

#include <algorithm>

#include "base/error.h"

namespace subbyte {
namespace {

constexpr const char* names[] = {"none", "barrel", "edge", "sorted"};

void require(const char* what, int found, int low, int high) {
  if (found < low || found > high)
    throw UsageError(std::string(what) + ": found " + std::to_string(found) + ", expected " + std::to_string(low) + " to " +
                     std::to_string(high));
}

}  // namespace

const char* placement_name(Placement p) { return names[int(p)]; }

Placement parse_placement(std::string_view text) {
  for (int i = 0; i < 4; ++i)
    if (text == names[i]) return Placement(i);
  throw UsageError("placement: found '" + std::string(text) + "', expected sorted, barrel, edge or none");
}

int ArrayConfig::most_shift() const { return placement == Placement::none ? 0 : ng - 1 + (shifts_elements() ? ng_b - 1 : 0); }

int64_t ArrayConfig::most_reduced() const {
  const int product = a_bits - 1 + b_bits - 1 + most_shift();  // of two lowest codes: 2^product
  return product >= acc_bits - 1 ? 0 : ((int64_t{1} << (acc_bits - 1)) - 1) >> product;
}

void ArrayConfig::validate() const {
  require("rows", rows, 1, 256);
  require("columns", cols, 1, 256);
  require("bits of a", a_bits, 2, 16);
  require("bits of b", b_bits, 2, 16);
  require("groups (ng)", ng, 1, 16);
  require("groups of b (ng-b)", ng_b, 1, 16);
  require("bits of a sum", acc_bits, 4, 48);
  if (!shifts_elements() && ng_b != 1)
    throw UsageError("groups of b (ng-b): found " + std::to_string(ng_b) + ", expected 1 where the placement is '" +
                     placement_name(placement) + "'");
  if (most_reduced() < 1)
    throw UsageError("bits of a sum: found " + std::to_string(acc_bits) + ", expected at least " +
                     std::to_string(a_bits + b_bits + most_shift()) + " to hold one product of " + std::to_string(a_bits) +
                     " and " + std::to_string(b_bits) + " bits, shifted by " + std::to_string(most_shift()));
}

ArrayConfig array_config(const Format& format, int ng, Placement placement, int rows, int cols) {
  if (!format.is_integer())
    throw UsageError("format: found '" + format.name() + "', expected an integer format (wXaYgZ)");
  ArrayConfig c;
  c.rows = rows;
  c.cols = cols;
  c.a_bits = std::max(format.a + 1, format.g);
  c.b_bits = std::max(format.w, format.g);
  c.placement = placement;
  c.ng = placement == Placement::none ? 1 : ng;
  c.ng_b = c.shifts_elements() ? ng : 1;
  c.acc_bits = c.a_bits <= 5 && c.b_bits <= 4 ? 24 : 32;
  c.validate();
  return c;
}

}  // namespace subbyte
