#include "fpga/hex.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <sstream>

#include "fpga/test_products.h"

namespace subbyte {
namespace {

TEST(Hex, Words) {
  EXPECT_EQ(hex_word({1, 2, 3}, 4), "321");
  EXPECT_EQ(hex_word({-1, 0}, 5), "01f");     // 10 bits: three digits
  EXPECT_EQ(hex_word({-8, 7, -1}, 4), "f78");
  EXPECT_EQ(hex_word({1, 1}, 3), "09");
  EXPECT_EQ(hex_word({-2}, 64), "fffffffffffffffe");
  EXPECT_EQ(count_bits(1), 1);
  EXPECT_EQ(count_bits(2), 1);
  EXPECT_EQ(count_bits(4), 2);
  EXPECT_EQ(count_bits(5), 3);
}

/// Reads words back, field by field.
struct Memory {
  std::vector<std::string> words;
  explicit Memory(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) words.push_back(line);
  }
  int64_t field(size_t word, int index, int bits, bool is_signed) const {
    int64_t value = 0;
    const std::string& digits = words[word];
    for (int b = 0; b < bits; ++b) {
      const size_t bit = size_t(index) * size_t(bits) + size_t(b);
      const int digit = std::stoi(digits.substr(digits.size() - 1 - bit / 4, 1), nullptr, 16);
      value |= int64_t(digit >> (bit % 4) & 1) << b;
    }
    return is_signed && value >> (bits - 1) & 1 ? value - (int64_t{1} << bits) : value;
  }
};

/// A feeder that knows the files alone computes the sums.
RC_GTEST_PROP(Hex, TheFilesHoldTheWholeComputation, ()) {
  const bool blocks = *rc::gen::arbitrary<bool>();
  const ArrayProduct p = random_product({4, 4, *rc::gen::arbitrary<bool>(), blocks ? 3 : 0, 0, 3});
  const Placement placement = *rc::gen::element(Placement::barrel, Placement::sorted);
  const ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, placement, *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 6));
  const Schedule s = make_schedule(p, c);
  std::map<std::string, Memory> memory;
  std::map<std::string, int> bits;
  for (const HexFile& f : schedule_files(s)) {
    memory.emplace(f.name, Memory(f.text));
    bits[f.name] = f.bits;
    RC_ASSERT(int64_t(memory.at(f.name).words.size()) == f.words);
  }
  const bool has_shifts = memory.count("a_shift") > 0;
  RC_ASSERT(has_shifts == (placement == Placement::barrel || s.by_block));
  const IndexFields f = index_fields(s);
  for (size_t t = 0; t < s.tiles.size(); ++t) {
    const Tile& tile = s.tiles[t];
    std::vector<int64_t> sums(size_t(c.rows * c.cols), 0);
    for (int64_t i = tile.first; i < tile.first + tile.count; ++i) {
      const int64_t word = memory.at("index").field(size_t(i), 0, f.bits(), false);
      if (word >> (f.bits() - 1)) {
        for (int64_t& sum : sums) sum *= 2;
        continue;
      }
      const int64_t k = word & ((1 << f.k) - 1), u = word >> f.k & ((1 << f.a_shift) - 1);
      const size_t at = size_t(tile.m / c.rows * p.k + k), bt = size_t(tile.n / c.cols * p.k + k);
      for (int m = 0; m < c.rows; ++m)
        for (int n = 0; n < c.cols; ++n) {
          int64_t a = memory.at("a").field(at, m, c.a_bits, true), b = memory.at("b").field(bt, n, c.b_bits, true);
          if (has_shifts) {
            const int64_t shift = memory.at("a_shift").field(at, m, bits["a_shift"] / c.rows, false);
            if (s.by_block) a = shift == u ? a : 0;
            else a *= 1 << shift, b *= 1 << memory.at("b_shift").field(bt, n, bits["b_shift"] / c.cols, false);
          }
          sums[size_t(m * c.cols + n)] += a * b;
        }
    }
    for (int m = 0; m < c.rows; ++m)
      for (int n = 0; n < c.cols; ++n)
        RC_ASSERT(memory.at("sums").field(t * size_t(c.rows) + size_t(m), n, c.acc_bits, true) ==
                  sums[size_t(m * c.cols + n)]);
  }
}

}  // namespace
}  // namespace subbyte
