// What an array is fed with, cycle by cycle, to compute one product (or part): tiles of rows x cols sums, and for each the
// beats, which are reduced indices or, where the sums carry the shift (`sorted`), steps that double them.
#pragma once
#include <cstdint>
#include <vector>

#include "fpga/config.h"
#include "fpga/product.h"

namespace subbyte {

/// `sorted` knows one shift a beat. Elements whose blocks have others than `a_shift`, `b_shift` are fed as zeros and come in
/// another beat of the same k; so blocks cost cycles there, and nothing where they have no shifts.
struct Beat {
  int32_t k = 0;
  uint8_t a_shift = 0, b_shift = 0;
  bool step = false;        ///< doubles the sums; no index
};

struct Tile {
  int m = 0, n = 0;         ///< first row and column
  int64_t first = 0, count = 0;  ///< its beats
};

struct Schedule {
  ArrayConfig config;
  /// As the ports get it. `barrel`, `edge`: k_shift is moved into the operands' shifts. Else, where a port has room, codes carry
  /// their blocks' shifts.
  ArrayProduct product;
  bool by_block = false;    ///< `sorted`: beats select elements by their blocks' shifts
  std::vector<Beat> beats;
  std::vector<Tile> tiles;  ///< row by row
};

/// Throws UsageError where codes are wider than the ports, or shifts reach beyond ng and ng_b.
Schedule make_schedule(const ArrayProduct&, const ArrayConfig&);

/// What the ports hold during a beat (no step) of a tile; zeros beyond the product's rows and columns.
struct PortValues {
  std::vector<int> a, a_shift, b, b_shift;
};
void port_values(const Schedule&, const Tile&, const Beat&, PortValues&);

/// The sums that an array holds after a tile's beats, [rows][cols] modulo 2^acc_bits: the array's specification.
std::vector<int64_t> run_tile(const Schedule&, const Tile&);

/// Runs all tiles. Throws Error naming the first sum that differs from the product's.
void check_schedule(const Schedule&);

}  // namespace subbyte
