// The arrays in Verilator against integer sums and against the scalar product kernel (kernels/conv), bit for bit.
// Usage: array_cosim TRIALS [SEED]. Every configuration of array_bench.sv gets TRIALS tiles.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "Varray_bench.h"
#include "kernels/conv/conv.h"

namespace {

constexpr int rows = 4, cols = 3;

struct Config {
  int a_bits, b_bits, groups, groups_b, acc, placement, style;
  bool is_signed;
  explicit Config(uint32_t w)
      : a_bits(w & 15), b_bits(w >> 4 & 15), groups(w >> 9 & 15), groups_b(w >> 13 & 15), acc(w >> 17 & 63),
        placement(w >> 23 & 3), style(w >> 25 & 3), is_signed(w >> 8 & 1) {}
  bool sorted() const { return placement == 3; }
  /// Two rows in one DSP slice (rtl/dsp_array.sv): the lower one's sum must fit, else it spoils the other's.
  bool paired() const {
    const int wide = a_bits + !is_signed + (placement == 2 ? groups - 1 : 0);
    return style == 2 && wide <= 5 && acc <= 25 - wide;
  }
  int a_top() const { return is_signed ? (1 << (a_bits - 1)) - 1 : (1 << a_bits) - 1; }
  int a_low() const { return is_signed ? -a_top() : 0; }
  int b_low() const { return -(1 << (b_bits - 1)); }
  int b_top() const { return (1 << (b_bits - 1)) - 1; }
  std::string text() const {
    static const char* const places[] = {"none", "barrel", "edge", "sorted"};
    return std::string(places[placement]) + " a" + std::to_string(a_bits) + (is_signed ? "s" : "u") + " b" +
           std::to_string(b_bits) + " groups " + std::to_string(groups) + "/" + std::to_string(groups_b) + " acc " +
           std::to_string(acc) + " style " + std::to_string(style);
  }
};

/// One tile: A [k][rows], B [k][cols], their shifts.
struct Tile {
  int k;
  std::vector<int> a, a_shift, b, b_shift;
};

using Random = std::mt19937;
int uniform(Random& r, int low, int high) { return std::uniform_int_distribution<int>(low, high)(r); }

Tile any_tile(const Config& c, Random& random) {
  Tile t;
  const int kind = uniform(random, 0, 5);
  t.k = kind == 0 ? 1 : kind == 1 ? uniform(random, 2, 5) : uniform(random, 1, 60);
  const bool extremes = kind == 2, one_group = kind == 3, long_tile = kind == 4 && uniform(random, 0, 3) == 0;
  if (long_tile) t.k = uniform(random, 300, 900);  // long enough to wrap the narrow accumulators
  const int empty = c.groups > 1 ? uniform(random, 0, c.groups - 1) : -1;  // a group without indices
  const bool same_sign = uniform(random, 0, 1) == 0;
  for (int k = 0; k < t.k; ++k) {
    int shift = one_group ? c.groups - 1 : uniform(random, 0, c.groups - 1);
    if (shift == empty) shift = (shift + 1) % c.groups;
    for (int m = 0; m < rows; ++m) {
      const int high = c.a_top(), low = c.a_low();
      t.a.push_back(extremes ? (same_sign || uniform(random, 0, 1) ? high : low) : uniform(random, low, high));
      t.a_shift.push_back(c.sorted() ? shift : uniform(random, 0, c.groups - 1));
    }
    for (int n = 0; n < cols; ++n) {
      const int high = c.b_top(), low = c.b_low();
      t.b.push_back(extremes ? (same_sign || uniform(random, 0, 1) ? low : high) : uniform(random, low, high));
      t.b_shift.push_back(uniform(random, 0, c.groups_b - 1));
    }
  }
  return t;
}

int64_t wrapped(int64_t x, int bits) { return int64_t(uint64_t(x) << (64 - bits)) >> (64 - bits); }

int64_t plain_sum(const Tile& t, int m, int n) {
  int64_t sum = 0;
  for (int k = 0; k < t.k; ++k)
    sum += (int64_t{t.a[k * rows + m]} << t.a_shift[k * rows + m]) * (int64_t{t.b[k * cols + n]} << t.b_shift[k * cols + n]);
  return sum;
}

/// The same row of sums by the library's scalar kernel, where the shifted operands fit its bytes; else false.
bool library_sums(const Tile& t, int m, int32_t* sums) {
  const int words = (t.k + 3) / 4;
  std::vector<uint8_t> a(size_t(words) * 4, 128), w(size_t(words) * 4 * 16, 0);
  std::vector<int32_t> init(16, 0), low(16, INT32_MAX), high(16, INT32_MIN);
  std::vector<int16_t> y(16);
  for (int k = 0; k < t.k; ++k) {
    const int value = t.a[k * rows + m] * (1 << t.a_shift[k * rows + m]);
    if (value < -128 || value > 127) return false;
    a[size_t(k)] = uint8_t(value + 128);
    for (int n = 0; n < cols; ++n) {
      const int b = t.b[k * cols + n] * (1 << t.b_shift[k * cols + n]);
      if (b < -128 || b > 127) return false;
      w[size_t((k / 4 * 16 + n) * 4 + k % 4)] = uint8_t(int8_t(b));
      init[size_t(n)] -= 128 * b;  // takes the zero point out
    }
  }
  const int32_t tap = 0;
  subbyte::ImageProduct p{};
  p.a = a.data(), p.tap_offset = &tap, p.taps = 1, p.k = words, p.pixel_step = 0, p.row_step = 0, p.rows = 1, p.pixels = 1;
  p.w = w.data(), p.n = 16, p.init = init.data(), p.burst = 1, p.shift = 0, p.channels = 16, p.y = y.data(), p.y_pixel = 16;
  p.y_row = 16, p.sum = nullptr, p.low = low.data(), p.high = high.data();
  subbyte::conv_kernels(subbyte::Isa::scalar).product(p, subbyte::Dot::u8s8_wide);
  for (int n = 0; n < cols; ++n) sums[n] = high[size_t(n)];
  return true;
}

void put(uint32_t* words, int at, int bits, uint32_t value) {
  for (int i = 0; i < bits; ++i, ++at) {
    words[at / 32] &= ~(1u << (at % 32));
    words[at / 32] |= (value >> i & 1) << (at % 32);
  }
}

struct Bench {
  Varray_bench top;
  int64_t cycles = 0;

  void cycle() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    ++cycles;
  }
  void idle() { top.valid = 0, top.step = 0, top.drain = 0; }
  void present(const Tile& t, int k) {
    uint64_t b = 0, bs = 0;
    uint64_t a = 0, as = 0;
    for (int m = 0; m < rows; ++m) {
      a |= uint64_t(t.a[size_t(k * rows + m)] & 511) << (9 * m);
      as |= uint64_t(t.a_shift[size_t(k * rows + m)]) << (3 * m);
    }
    for (int n = 0; n < cols; ++n) {
      b |= uint64_t(t.b[size_t(k * cols + n)] & 511) << (9 * n);
      bs |= uint64_t(t.b_shift[size_t(k * cols + n)]) << (3 * n);
    }
    top.a = a, top.a_shift = uint32_t(as), top.b = uint32_t(b), top.b_shift = uint32_t(bs);
    top.valid = 1;
    cycle();
    idle();
    top.a = a ^ 0x5a5a5a5a5ull;  // what stands at the ports without valid does not count
  }

  /// [rows][cols]
  std::vector<int32_t> run(const Config& c, const Tile& t, Random& random) {
    const bool pauses = uniform(random, 0, 2) == 0;
    auto pause = [&] {
      while (pauses && uniform(random, 0, 3) == 0) cycle();
    };
    idle();
    if (c.sorted()) {
      for (int shift = c.groups - 1; shift >= 0; --shift) {
        for (int k = 0; k < t.k; ++k)
          if (t.a_shift[size_t(k * rows)] == shift) present(t, k), pause();
        if (shift) {
          top.step = 1;
          cycle();
          idle();
        }
      }
    } else {
      for (int k = 0; k < t.k; ++k) present(t, k), pause();
    }
    for (int i = 0; i < rows + cols; ++i) cycle();  // the first cycle of drain is then t + rows + cols + 1
    std::vector<int32_t> sums(size_t(rows) * cols);
    for (int m = rows - 1; m >= 0; --m) {
      pause();
      top.drain = 1;
      top.clk = 0;
      top.eval();
      for (int n = 0; n < cols; ++n) sums[size_t(m * cols + n)] = int32_t(top.sum[n]);
      cycle();
      idle();
    }
    return sums;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 20;
  Random random(argc > 2 ? uint32_t(std::atoi(argv[2])) : 1);
  Bench bench;
  bench.top.select = 0;
  bench.idle();
  bench.top.eval();
  const int configs = bench.top.configs;
  int64_t compared = 0, by_library = 0, overflowed = 0;
  for (int i = 0; i < configs; ++i) {
    bench.top.select = uint8_t(i);
    bench.top.eval();
    const Config c(bench.top.config_word);
    for (int trial = 0; trial < trials; ++trial) {
      const Tile t = any_tile(c, random);
      const auto sums = bench.run(c, t, random);
      for (int m = 0; m < rows; ++m) {
        int32_t library[cols];
        const bool fits = library_sums(t, m, library);
        for (int n = 0; n < cols; ++n) {
          const int64_t exact = plain_sum(t, m, n), expected = wrapped(exact, c.acc);
          const int64_t other = fits ? wrapped(library[n], c.acc) : expected;
          const int64_t found = sums[size_t(m * cols + n)];
          if (c.paired() && m % 2) {
            const int64_t neighbour = plain_sum(t, m - 1, n);
            if (neighbour != wrapped(neighbour, 25 - c.a_bits - !c.is_signed - (c.placement == 2 ? c.groups - 1 : 0))) continue;
          }
          if (found != expected || other != expected) {
            std::printf("error: %s, K = %d, row %d, column %d: found %lld, expected %lld (library %lld)\n", c.text().c_str(),
                        t.k, m, n, (long long)found, (long long)expected, (long long)other);
            return 1;
          }
          ++compared, by_library += fits, overflowed += exact != expected;
        }
      }
    }
  }
  std::printf("arrays: %d configurations, %lld sums equal (%lld of them also by the scalar kernel, %lld wrapped), %lld cycles\n",
              configs, (long long)compared, (long long)by_library, (long long)overflowed, (long long)bench.cycles);
  return by_library && overflowed ? 0 : 1;
}
