#include "fpga/hex.h"

#include <algorithm>
#include <bit>

namespace subbyte {
namespace {

int64_t masked(int64_t value, int bits) { return bits >= 64 ? value : value & ((int64_t{1} << bits) - 1); }

/// Appends words of `width` fields, one for each block of the operand and each k.
template <class T>
HexFile operand_file(const char* name, const ArrayOperand& o, const std::vector<T>& values, int k, int width, int bits) {
  HexFile file{name, width * bits, 0, {}};
  std::vector<int64_t> fields(static_cast<size_t>(width));
  for (int first = 0; first < o.outer; first += width)
    for (int j = 0; j < k; ++j) {
      for (int i = 0; i < width; ++i)
        fields[size_t(i)] = first + i < o.outer ? values[size_t(first + i) * size_t(k) + size_t(j)] : 0;
      file.text += hex_word(fields, bits) + "\n";
      ++file.words;
    }
  return file;
}

HexFile index_file(const Schedule& s) {
  const IndexFields f = index_fields(s);
  HexFile file{"index", f.bits(), int64_t(s.beats.size()), {}};
  for (const Beat& beat : s.beats) {
    const int64_t word = beat.k | int64_t(beat.a_shift) << f.k | int64_t(beat.b_shift) << (f.k + f.a_shift) |
                         int64_t(beat.step) << (f.bits() - 1);
    file.text += hex_word({word}, f.bits()) + "\n";
  }
  return file;
}

HexFile sums_file(const Schedule& s) {
  const ArrayProduct& p = s.product;
  const ArrayConfig& c = s.config;
  HexFile file{"sums", c.cols * c.acc_bits, 0, {}};
  std::vector<int64_t> fields(static_cast<size_t>(c.cols));
  for (const Tile& tile : s.tiles)
    for (int r = 0; r < c.rows; ++r) {
      for (int n = 0; n < c.cols; ++n)
        fields[size_t(n)] = tile.m + r < p.m() && tile.n + n < p.n()
                                ? p.sums[size_t(tile.m + r) * size_t(p.n()) + size_t(tile.n + n)]
                                : 0;
      file.text += hex_word(fields, c.acc_bits) + "\n";
      ++file.words;
    }
  return file;
}

}  // namespace

std::string hex_word(const std::vector<int64_t>& fields, int bits) {
  const size_t total = fields.size() * size_t(bits);
  std::vector<int> nibbles((total + 3) / 4, 0);
  for (size_t i = 0; i < fields.size(); ++i) {
    const int64_t value = masked(fields[i], bits);
    for (int b = 0; b < bits; ++b)
      if (value >> b & 1) nibbles[(i * size_t(bits) + size_t(b)) / 4] |= 1 << ((i * size_t(bits) + size_t(b)) % 4);
  }
  std::string text;
  for (size_t i = nibbles.size(); i-- > 0;) text += "0123456789abcdef"[nibbles[i]];
  return text;
}

int count_bits(int count) { return std::max(1, int(std::bit_width(uint32_t(std::max(count - 1, 0))))); }

IndexFields index_fields(const Schedule& s) {
  const ArrayProduct& p = s.product;
  return {count_bits(p.k), s.by_block ? count_bits(p.a.most_shift() + 1) : 1, s.by_block ? count_bits(p.b.most_shift() + 1) : 1};
}

std::vector<HexFile> schedule_files(const Schedule& s) {
  const ArrayProduct& p = s.product;
  const ArrayConfig& c = s.config;
  const IndexFields f = index_fields(s);
  // `sorted` feeds no shifts, but where beats select by block, the feeder compares with them.
  const int a_shift = c.shifts_elements() ? count_bits(c.ng) : f.a_shift, b_shift = c.shifts_elements() ? count_bits(c.ng_b) : f.b_shift;
  std::vector<HexFile> files = {operand_file("a", p.a, p.a.code, p.k, c.rows, c.a_bits),
                                operand_file("b", p.b, p.b.code, p.k, c.cols, c.b_bits)};
  if (c.shifts_elements() || s.by_block) {
    files.push_back(operand_file("a_shift", p.a, p.a.shift, p.k, c.rows, a_shift));
    files.push_back(operand_file("b_shift", p.b, p.b.shift, p.k, c.cols, b_shift));
  }
  files.push_back(index_file(s));
  files.push_back(sums_file(s));
  return files;
}

}  // namespace subbyte
