// The parameters of subbyte_array (fpga/README.md), and what they can hold.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "quant/format.h"

namespace subbyte {

/// Where the array shifts: each product in its PE, the operands at the array's edge, or the sums between groups of indices
/// that are fed from the largest shift down.
enum class Placement { none, barrel, edge, sorted };

const char* placement_name(Placement);
/// Throws UsageError for anything but "none", "barrel", "edge" and "sorted".
Placement parse_placement(std::string_view text);

struct ArrayConfig {
  int rows = 8, cols = 8;
  int a_bits = 5, b_bits = 4;  ///< of the ports, both signed
  int ng = 4, ng_b = 4;        ///< shifts of a are below ng, of b below ng_b
  int acc_bits = 24;
  Placement placement = Placement::barrel;

  bool shifts_elements() const { return placement == Placement::barrel || placement == Placement::edge; }
  /// Largest shift of a product that the array adds up.
  int most_shift() const;
  /// Sums of so many products of any codes and shifts fit acc_bits.
  int64_t most_reduced() const;
  /// The largest magnitude of a sum.
  int64_t top_sum() const { return (int64_t{1} << (acc_bits - 1)) - 1; }
  /// Throws UsageError naming the parameter, what was found and what is possible.
  void validate() const;
};

/// An array for the three products of `format`: unsigned activations take one bit more on the signed port of a, gradients
/// share it; b takes weights and gradients. `sorted` and `none` shift no element, so ng_b is 1. 24 bits of sums where codes
/// have at most 5 and 4 bits, else 32. Throws UsageError.
ArrayConfig array_config(const Format& format, int ng, Placement, int rows, int cols);

}  // namespace subbyte
