// Real tensors through the array: what `subbyte fpga schedule` wrote is fed to the design that `subbyte fpga generate` wrote,
// from the files alone, and every sum that leaves it must be the one in the files. Cycles are counted too: one tile after the
// other they must be those that the schedule tells.
// Usage: schedule_cosim FOLDER...   each with a schedule.json (fpga/schedule.md)
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "Vsubbyte_design.h"

namespace {

using nlohmann::json;

/// A word's bits, lowest first.
using Bits = std::vector<bool>;

struct Memory {
  std::vector<Bits> words;

  Memory(const std::string& folder, const json& file) {
    std::ifstream in(folder + "/" + file.at("file").get<std::string>());
    const size_t bits = file.at("word_bits");
    for (std::string line; std::getline(in, line);) {
      Bits word;
      for (size_t d = line.size(); d-- > 0;)
        for (int b = 0; b < 4; ++b) word.push_back(std::stoi(line.substr(d, 1), nullptr, 16) >> b & 1);
      word.resize(bits);
      words.push_back(std::move(word));
    }
    if (words.size() != file.at("words").get<size_t>())
      throw std::runtime_error(folder + "/" + file.at("file").get<std::string>() + ": found " + std::to_string(words.size()) +
                               " words, expected " + file.at("words").dump());
  }
};

uint64_t field(const Bits& word, size_t first, size_t bits) {
  uint64_t value = 0;
  for (size_t b = 0; b < bits; ++b) value |= uint64_t(word[first + b]) << b;
  return value;
}

/// Verilator's ports are integers up to 64 bits and arrays of 32-bit words beyond.
template <class Port>
void put(Port& port, const Bits& bits) {
  if constexpr (std::is_integral_v<Port>) {
    uint64_t value = 0;
    for (size_t i = 0; i < bits.size(); ++i) value |= uint64_t(bits[i]) << i;
    port = Port(value);
  } else {
    for (size_t i = 0; i < (bits.size() + 31) / 32; ++i) {
      uint32_t word = 0;
      for (size_t b = 0; b < 32 && 32 * i + b < bits.size(); ++b) word |= uint32_t(bits[32 * i + b]) << b;
      port[i] = word;
    }
  }
}

template <class Port>
bool bit(const Port& port, size_t i) {
  if constexpr (std::is_integral_v<Port>) return uint64_t(port) >> i & 1;
  else return port[i / 32] >> (i % 32) & 1;
}

struct Bench {
  Vsubbyte_design top;
  int64_t cycles = 0;

  void idle() { top.valid = 0, top.step = 0, top.drain = 0; }
  void cycle() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    ++cycles;
  }
};

/// Zeros where an element's shift is not the beat's.
Bits selected(const Bits& codes, const Bits& shifts, size_t count, uint64_t shift) {
  Bits out = codes;
  const size_t code_bits = codes.size() / count, shift_bits = shifts.size() / count;
  for (size_t i = 0; i < count; ++i)
    if (field(shifts, i * shift_bits, shift_bits) != shift)
      for (size_t b = 0; b < code_bits; ++b) out[i * code_bits + b] = false;
  return out;
}

struct Counts {
  int64_t products = 0, tiles = 0, sums = 0, wrong = 0, cycles = 0;
};

void run_product(Bench& bench, const std::string& folder, const json& array, const json& product, Counts& counts) {
  const size_t rows = array.at("rows"), cols = array.at("cols"), acc = array.at("acc_bits"), k_length = product.at("k");
  const json& files = product.at("files");
  const Memory a(folder, files.at("a")), b(folder, files.at("b")), index(folder, files.at("index")),
      sums(folder, files.at("sums"));
  const bool has_shifts = files.contains("a_shift");
  const bool on_ports = array.at("placement") == "barrel" || array.at("placement") == "edge";
  std::vector<Memory> shifts;
  if (has_shifts) shifts = {Memory(folder, files.at("a_shift")), Memory(folder, files.at("b_shift"))};
  const size_t k_bits = product.at("index").at("k_bits"), a_bits = product.at("index").at("a_shift_bits"),
               b_bits = product.at("index").at("b_shift_bits");
  const int64_t before = bench.cycles;
  size_t number = 0;
  for (const json& tile : product.at("tiles")) {
    const size_t first = tile.at("first"), count = tile.at("count");
    const size_t row_block = tile.at("m").get<size_t>() / rows, column_block = tile.at("n").get<size_t>() / cols;
    for (size_t beat = first; beat < first + count; ++beat) {
      const Bits& word = index.words.at(beat);
      bench.idle();
      if (word.back()) {
        bench.top.step = 1;
      } else {
        const size_t k = field(word, 0, k_bits), at = row_block * k_length + k, bt = column_block * k_length + k;
        if (has_shifts && !on_ports) {
          put(bench.top.a, selected(a.words.at(at), shifts[0].words.at(at), rows, field(word, k_bits, a_bits)));
          put(bench.top.b, selected(b.words.at(bt), shifts[1].words.at(bt), cols, field(word, k_bits + a_bits, b_bits)));
        } else {
          put(bench.top.a, a.words.at(at));
          put(bench.top.b, b.words.at(bt));
        }
        if (has_shifts && on_ports) {
          put(bench.top.a_shift, shifts[0].words.at(at));
          put(bench.top.b_shift, shifts[1].words.at(bt));
        }
        bench.top.valid = 1;
      }
      bench.cycle();
    }
    bench.idle();
    for (size_t i = 0; i < rows + cols; ++i) bench.cycle();
    bench.top.drain = 1;
    for (size_t row = rows; row-- > 0;) {
      bench.top.clk = 0;
      bench.top.eval();
      const Bits& expected = sums.words.at(number * rows + row);
      for (size_t c = 0; c < cols; ++c, ++counts.sums) {
        bool equal = true;
        for (size_t i = c * acc; i < (c + 1) * acc; ++i) equal &= bit(bench.top.sum, i) == expected[i];
        if (!equal && counts.wrong++ < 5)
          std::fprintf(stderr, "%s: %s: tile %zu, row %zu, column %zu: the array's sum is not the kernels'\n", folder.c_str(),
                       product.at("name").get<std::string>().c_str(), number, row, c);
      }
      bench.cycle();
    }
    bench.idle();
    ++number;
  }
  const int64_t taken = bench.cycles - before, expected = product.at("cycles").at("sequential");
  if (taken != expected)
    throw std::runtime_error(folder + ": " + product.at("name").get<std::string>() + ": took " + std::to_string(taken) +
                             " cycles, expected " + std::to_string(expected));
  counts.products += 1;
  counts.tiles += int64_t(number);
  counts.cycles += taken;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "schedule_cosim: expected folders with schedule.json\n"), 2;
  Bench bench;
  bench.idle();
  Counts counts;
  try {
    for (int i = 1; i < argc; ++i) {
      const std::string folder = argv[i];
      std::ifstream in(folder + "/schedule.json");
      if (!in) throw std::runtime_error(folder + ": found no schedule.json");
      const json schedule = json::parse(in);
      for (const json& product : schedule.at("products")) run_product(bench, folder, schedule.at("array"), product, counts);
    }
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "schedule_cosim: %s\n", e.what()), 1;
  }
  std::printf("%d layers, %lld products, %lld tiles: %lld sums compared, %lld differ, %lld cycles\n", argc - 1,
              (long long)counts.products, (long long)counts.tiles, (long long)counts.sums, (long long)counts.wrong,
              (long long)counts.cycles);
  return counts.wrong == 0 && counts.sums > 0 ? 0 : 1;
}
