// Cycles of an output-stationary array.
//   one after the other   beats of a tile + 2 rows + cols: the last index reaches the far corner, then rows leave
//                         (fpga/README.md: drain from rows + cols + 1 cycles after the last beat on, for rows cycles)
//   overlapped            max(beats, rows) a tile, and 2 rows + cols once: needs a second register for a finished sum in
//                         each PE, which leaves while the next tile is added up
#pragma once
#include <cstdint>
#include <vector>

#include "fpga/schedule.h"

namespace subbyte {

struct Cycles {
  int64_t macs = 0;         ///< useful: m n k
  int64_t tiles = 0, beats = 0;
  int64_t sequential = 0, overlapped = 0;

  Cycles& operator+=(const Cycles&);
};

/// The overlapped count of one product includes the filling and draining of its own.
Cycles count_cycles(const Schedule&);

/// Outer and reduced lengths of a product that a floating-point array of the same structure computes: all k, no shifts.
struct ProductSize {
  int64_t m, n, k;
};
Cycles float_cycles(ProductSize, int rows, int cols);

/// The shape with at most `pes` processing elements on which the products take the fewest cycles, and those; `overlapped`
/// says which count decides. Throws UsageError where pes is below 1.
struct FloatArray {
  int rows = 1, cols = 1;
  Cycles cycles;
};
FloatArray best_float_array(const std::vector<ProductSize>&, int pes, bool overlapped);

}  // namespace subbyte
