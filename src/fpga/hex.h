// A schedule's memories as text that Verilog's $readmemh reads: one word a line, hexadecimal, the first line word 0.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fpga/schedule.h"

namespace subbyte {

/// One word of `fields` of `bits` each (two's complement, at most 64), field 0 in the lowest bits; no line end.
std::string hex_word(const std::vector<int64_t>& fields, int bits);

/// Bits of a field of `b`-shifts or `a`-shifts: as wide as what is counted, at least 1.
int count_bits(int count);

struct HexFile {
  std::string name;         ///< "a", "a_shift", "b", "b_shift", "index", "sums"
  int bits = 0;             ///< of a word
  int64_t words = 0;
  std::string text;
};

/// Fields of an index word, from the lowest bit on; the highest bit is `step`.
struct IndexFields {
  int k = 1, a_shift = 1, b_shift = 1;
  int bits() const { return k + a_shift + b_shift + 1; }
};
IndexFields index_fields(const Schedule&);

/// a, a_shift: word k of row block i at i * K + k, field r is row i * rows + r; b, b_shift likewise with columns; index: the
/// beats, in the tiles' order; sums: tile t's row r at t * rows + r, field c is column c. Zeros beyond rows and columns.
std::vector<HexFile> schedule_files(const Schedule&);

}  // namespace subbyte
