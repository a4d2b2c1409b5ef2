// The edge lanes in Verilator against the library's scalar kernels, bit for bit: codes and block shifts (kernels/quantize),
// Philox (base/philox.h), the product's epilogue (kernels/conv). Usage: lanes_cosim TRIALS [SEED].
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "Vlanes_bench.h"
#include "base/philox.h"
#include "kernels/conv/conv.h"
#include "kernels/quantize/quantize.h"

namespace {

using namespace subbyte;
using Random = std::mt19937;
int uniform(Random& r, int low, int high) { return std::uniform_int_distribution<int>(low, high)(r); }

Vlanes_bench top;
void cycle() {
  top.clk = 0, top.eval();
  top.clk = 1, top.eval();
}

[[noreturn]] void differs(const char* what, long at, long found, long expected) {
  std::printf("error: %s %ld: found %ld, expected %ld\n", what, at, found, expected);
  std::exit(1);
}

/// Blocks of 16 elements of one lane through range and quantizer; the kernels see each block as the only one of 32 lanes.
long quantize(Random& r) {
  const bool stochastic = uniform(r, 0, 1), is_signed = stochastic || uniform(r, 0, 1);
  const int bits = uniform(r, 2, 8), code = (1 << (is_signed ? bits - 1 : bits)) - 1;
  const int fraction = uniform(r, 6, stochastic ? 8 : is_signed ? std::min(12, 15 - bits) : std::min(12, 14 - bits));
  if (fraction < 6) return 0;
  // As nn/integer/grid makes it: range << k in [2^14, 2^15), multiplier rounded down.
  const int range = uniform(r, 1, 32767) >> uniform(r, 0, 8) | 1;
  int k = 0;
  while (range << k < 1 << 14) ++k;
  const int16_t multiplier = int16_t(std::min<int64_t>((int64_t{code} << (fraction + 15)) / (int64_t{range} << k), 32767));
  const int n = uniform(r, 0, std::min(4, 14 - k)), limit = range >> n;
  // q 2^most is a byte of the kernels.
  const int room = std::min(8 - bits, 14 - k - n);
  const int most = stochastic ? uniform(r, 0, std::min(7, room)) : is_signed ? 0 : uniform(r, 0, std::min(3, room));
  const int blocks = uniform(r, 1, 4);
  std::vector<int16_t> z(size_t(blocks) * 16);
  for (int b = 0; b < blocks; ++b) {
    const int reach = uniform(r, 0, 9), top_z = reach == 9 ? 32767 : std::max(0, (limit >> reach) + uniform(r, -1, 1));
    for (int i = 0; i < 16; ++i) {
      int v = uniform(r, 0, 3) == 0 ? top_z : uniform(r, 0, top_z);
      if (is_signed && uniform(r, 0, 1)) v = -v;
      z[size_t(b * 16 + i)] = int16_t(std::clamp(v, -32767, 32767));
    }
    if (uniform(r, 0, 3) == 0) std::fill(z.begin() + b * 16 + uniform(r, 1, 15), z.begin() + b * 16 + 16, int16_t(0));
  }
  std::vector<uint8_t> random(z.size());
  for (auto& x : random) x = uint8_t(r());

  // Expected: 32 channels, the block's elements in lane 0 of 16 rows.
  std::vector<int> expected_q, expected_u;
  const QuantizeKernels& kernels = quantize_kernels(Isa::scalar);
  for (int b = 0; b < blocks; ++b) {
    std::vector<int16_t> image(16 * 32, 0), limits(32, int16_t(limit)), pow2(32, int16_t(1 << (n + k)));
    std::vector<uint8_t> draws(16 * 32, 0);
    for (int i = 0; i < 16; ++i) image[size_t(i * 32)] = z[size_t(b * 16 + i)], draws[size_t(i * 32)] = random[size_t(b * 16 + i)];
    const QuantizeGrid grid{limits.data(), pow2.data(), 32, multiplier, fraction};
    if (stochastic) {
      std::vector<int8_t> codes(16 * 32);
      kernels.stochastic(image.data(), 16 * 32, grid, 32, most, draws.data(), codes.data());
      for (int i = 0; i < 16; ++i) expected_q.push_back(codes[size_t(i * 32)]);
    } else if (is_signed || most == 0) {
      std::vector<uint8_t> codes(16 * 32);
      const int zero = is_signed ? 1 << (bits - 1) : 0;
      kernels.nearest(image.data(), 16 * 32, grid, zero, codes.data());
      for (int i = 0; i < 16; ++i) expected_q.push_back(codes[size_t(i * 32)] - zero);
    } else {
      std::vector<uint8_t> packed(size_t(packed_bytes(16 * 32, bits))), shifts(size_t(block_shift_bytes(16 * 32, 32))),
          codes(16 * 32);
      kernels.nearest_blocks(image.data(), 16 * 32, grid, 32, most, bits, packed.data(), shifts.data());
      kernels.unpack(packed.data(), 16 * 32, bits, codes.data());
      const int u = (shifts[0] & 1) + 2 * (shifts[4] & 1);
      for (int i = 0; i < 16; ++i) expected_q.push_back(codes[size_t(i * 32)] << u);
    }
  }

  top.limit = uint16_t(limit), top.most = uint8_t(most), top.n = uint8_t(n + k), top.multiplier = uint16_t(multiplier);
  top.fraction = uint8_t(fraction), top.stochastic = stochastic;
  size_t in = 0, drawn = 0, out = 0;
  for (int i = 0; out < z.size(); ++i) {
    if (i > 1000) differs("codes that never came:", long(out), 0, 0);
    const bool begin = in % 16 == 0, enter = in < z.size() && !(begin && uniform(r, 0, 2) == 0);
    top.valid = enter, top.first = enter && begin, top.z = enter ? uint16_t(z[in]) : uint16_t(r());
    in += enter;
    top.clk = 0, top.eval();
    top.random = top.range_valid ? random[drawn++] : uint8_t(r());
    top.eval();
    if (top.code_valid) {
      const int q = int(top.q ^ 256) - 256, found = q * (1 << (most - top.e));
      if (found != expected_q[out]) differs(stochastic ? "stochastic code" : "nearest code", long(out), found, expected_q[out]);
      if (top.q != top.q_plain) differs("plain quantizer, code", long(out), top.q_plain, top.q);
      ++out;
    }
    top.clk = 1, top.eval();
  }
  top.valid = 0;
  for (int i = 0; i < 8; ++i) cycle();
  return long(z.size());
}

long philox_words(Random& r) {
  std::array<uint32_t, 4> counter{uint32_t(r()), uint32_t(r()), uint32_t(r()), uint32_t(r())};
  if (uniform(r, 0, 7) == 0) counter = {0xffffffffu, 0, 0xffffffffu, 0};
  const PhiloxKey key{uint32_t(r()), uint32_t(r())};
  for (int i = 0; i < 4; ++i) top.counter[i] = counter[size_t(i)];
  top.key = uint64_t(key.k1) << 32 | key.k0;
  top.start = 1, cycle(), top.start = 0;
  int cycles = 0;
  while (!top.done && cycles < 200) cycle(), ++cycles;
  const auto expected = philox(key, counter);
  for (int i = 0; i < 4; ++i)
    if (top.words[i] != expected[size_t(i)]) differs("Philox word", i, top.words[i], expected[size_t(i)]);
  if (cycles != 90) differs("Philox, cycles of call", 0, cycles, 90);
  return 4;
}

int16_t epilogue(int32_t sum, int shift) {
  const uint8_t a[4] = {}, w[64] = {};
  const int32_t tap = 0;
  std::vector<int32_t> init(16, sum), low(16, INT32_MAX), high(16, INT32_MIN);
  int16_t y[16];
  ImageProduct p{};
  p.a = a, p.tap_offset = &tap, p.taps = 1, p.k = 1, p.rows = 1, p.pixels = 1, p.w = w, p.n = 16, p.init = init.data();
  p.burst = 1, p.shift = shift, p.channels = 16, p.y = y, p.y_pixel = 16, p.y_row = 16, p.low = low.data(), p.high = high.data();
  conv_kernels(Isa::scalar).product(p, Dot::u8s8_wide);
  return y[0];
}

long dequantize(Random& r) {
  int32_t sum = int32_t(r()) >> uniform(r, 0, 31);
  const int t = uniform(r, 0, 31), kind = uniform(r, 0, 4);
  if (kind == 0) sum = uniform(r, 0, 1) ? INT32_MAX : INT32_MIN;
  if (kind == 1 && t < 16) sum = (uniform(r, 0, 1) ? 16383 : -16384) * (1 << t) + uniform(r, -2, 2) * (1 << (t ? t - 1 : 0)) + uniform(r, -1, 1);
  top.sum = uint32_t(sum), top.t = uint8_t(t), top.sum_valid = 1;
  cycle(), top.sum_valid = 0, cycle();
  if (!top.y_valid) differs("dequantizer's cycles", 0, 0, 2);
  const int widths[] = {24, 28, 32};
  const uint16_t found[] = {top.y24, top.y28, top.y32};
  for (int i = 0; i < 3; ++i) {
    const int32_t narrow = int32_t(uint32_t(sum) << (32 - widths[i])) >> (32 - widths[i]);
    const int16_t expected = epilogue(narrow, t);
    if (int16_t(found[i]) != expected) differs("dequantized sum", narrow, int16_t(found[i]), expected);
  }
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 1000;
  Random r(argc > 2 ? uint32_t(std::atoi(argv[2])) : 1);
  long codes = 0, words = 0, sums = 0;
  for (int i = 0; i < trials; ++i) codes += quantize(r), words += philox_words(r), sums += dequantize(r) + dequantize(r);
  std::printf("edge lanes: %ld codes, %ld random words, %ld dequantized sums equal\n", codes, words, sums);
}
