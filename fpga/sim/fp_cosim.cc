// The FP16 baseline in Verilator against exact arithmetic rounded once, bit for bit: products, sums, and arrays of both.
// Usage: fp_cosim TRIALS [SEED].
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "Vfp_bench.h"

namespace {

using Random = std::mt19937;

double from_half(uint32_t h) {
  const int e = int(h >> 10 & 31);
  if (e == 0) return 0;
  const double m = std::ldexp(1024 + double(h & 1023), e - 25);
  return h >> 15 & 1 ? -m : m;
}

/// To nearest even with 11 bits; below 2^-14 after rounding: +0. False where the exponent does not fit.
bool to_half(double v, uint16_t* out) {
  *out = 0;
  if (v == 0) return true;
  int e;
  const double f = std::frexp(std::fabs(v), &e);                  // in [0.5, 1)
  double m = std::nearbyint(std::ldexp(f, 11));                   // exact: v has at most 43 bits
  if (m == 2048) m = 1024, ++e;
  const int biased = e - 1 + 15;
  if (biased <= 0) return true;
  if (biased > 31) return false;
  *out = uint16_t((v < 0) << 15 | biased << 10 | (uint32_t(m) - 1024));
  return true;
}

float as_float(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
uint32_t as_bits(float f) {
  uint32_t bits;
  if (f == 0) f = 0;  // +0
  std::memcpy(&bits, &f, 4);
  return bits;
}

uint16_t any_half(Random& r, int low = 0, int high = 31) {
  if (r() % 16 == 0) return 0;
  const uint32_t e = low + r() % uint32_t(high - low + 1);
  uint32_t m = r() & 1023;
  if (r() % 4 == 0) m = r() % 2 ? 1023 - (r() & 1) : r() & 1;
  return e ? uint16_t((r() & 1) << 15 | e << 10 | m) : uint16_t(0);
}

[[noreturn]] void differs(const char* what, uint32_t x, uint32_t y, uint32_t found, uint32_t expected) {
  std::printf("error: %s of %08x and %08x: found %08x, expected %08x\n", what, x, y, found, expected);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const long trials = argc > 1 ? std::atol(argv[1]) : 100000;
  Random r(argc > 2 ? uint32_t(std::atoi(argv[2])) : 1);
  Vfp_bench t;
  long compared = 0;
  for (long i = 0; i < trials; ++i) {
    t.x = any_half(r);
    t.y = any_half(r);
    const double exact = from_half(t.x) * from_half(t.y);
    // Sums: of near exponents, of one number and nearly its negative, of anything.
    uint16_t u = any_half(r), v = any_half(r);
    if (i % 4 == 1) v = u ? uint16_t((u ^ 0x8000) + int(r() % 5) - 2) : v;
    if (i % 4 == 2) v = any_half(r, std::max(0, int(u >> 10 & 31) - 3), std::min(31, int(u >> 10 & 31) + 3));
    if ((v >> 10 & 31) == 0) v = 0;
    const bool wide = i & 4;
    uint32_t u32 = 0, v32 = 0;
    if (wide) {  // exponents as sums of FP16's products have them
      const uint32_t e = uint32_t(90 + r() % 70);
      u32 = (r() & 1) << 31 | e << 23 | (r() & 0x7fffff);
      v32 = (r() & 1) << 31 | (90 + r() % 70) << 23 | (r() & 0x7fffff);
      if (i % 4 == 1) v32 = (u32 ^ 0x80000000u) + (r() % 5 - 2);
      if (i % 4 == 2) v32 = (r() & 1) << 31 | (e - 2 + r() % 5) << 23 | (r() & 0x7fffff);
      if (i % 4 == 3) v32 = (r() & 1) << 31 | ((e - uint32_t(r() % 32))) << 23 | (r() % 2 ? 0u : 0x7fffffu);
      if (r() % 32 == 0) v32 = 0;
      t.u = u32, t.v = v32;
    } else {
      t.u = u, t.v = v;
    }
    t.eval();
    uint16_t expected;
    const bool product_fits = to_half(exact, &expected);
    if (product_fits && t.product16 != expected) differs("product, FP16,", t.x, t.y, t.product16, expected);
    if (t.product32 != as_bits(float(exact))) differs("product, FP32,", t.x, t.y, t.product32, as_bits(float(exact)));
    bool sum_fits = true;
    if (wide) {
      const uint32_t sum = as_bits(as_float(u32) + as_float(v32));
      if (t.sum32 != sum) differs("sum, FP32,", u32, v32, t.sum32, sum);
    } else {
      sum_fits = to_half(from_half(u) + from_half(v), &expected);
      if (sum_fits && t.sum16 != expected) differs("sum, FP16,", u, v, t.sum16, expected);
    }
    // The other format's adder reads the low bits or a number with a zero exponent and no zero fraction: not compared.
    compared += 2 + product_fits + sum_fits;
  }

  // Arrays: 4 x 3 sums of K products in order.
  for (long i = 0; i < trials / 500 + 1; ++i) {
    const int k_count = 1 + int(r() % 40);
    std::vector<uint16_t> a(size_t(k_count) * 4), b(size_t(k_count) * 3);
    for (auto& x : a) x = any_half(r, 8, 17);
    for (auto& x : b) x = any_half(r, 8, 17);
    auto cycle = [&] {
      t.clk = 0, t.eval();
      t.clk = 1, t.eval();
    };
    t.drain = 0;
    for (int k = 0; k < k_count; ++k) {
      t.a = 0, t.b = 0;
      for (int m = 0; m < 4; ++m) t.a |= uint64_t(a[size_t(k * 4 + m)]) << (16 * m);
      for (int n = 0; n < 3; ++n) t.b |= uint64_t(b[size_t(k * 3 + n)]) << (16 * n);
      t.valid = 1;
      cycle();
    }
    t.valid = 0;
    for (int j = 0; j < 7; ++j) cycle();
    for (int m = 3; m >= 0; --m) {
      t.drain = 1, t.clk = 0, t.eval();
      for (int n = 0; n < 3; ++n) {
        uint16_t sum16 = 0;
        float sum32 = 0;
        for (int k = 0; k < k_count; ++k) {
          const double product = from_half(a[size_t(k * 4 + m)]) * from_half(b[size_t(k * 3 + n)]);
          uint16_t p;
          if (!to_half(product, &p) || !to_half(from_half(sum16) + from_half(p), &sum16)) std::exit(2);
          sum32 = sum32 + float(product);
        }
        const uint32_t found16 = uint32_t(t.array16 >> (16 * n) & 0xffff), found32 = t.array32[n];
        if (found16 != sum16) differs("array, FP16,", uint32_t(m), uint32_t(n), found16, sum16);
        if (found32 != as_bits(sum32)) differs("array, FP32,", uint32_t(m), uint32_t(n), found32, as_bits(sum32));
        compared += 2;
      }
      if (t.styles_differ) differs("arrays, plain and mapped,", uint32_t(m), 0, 0, 0);
      cycle();
    }
    t.drain = 0;
  }
  std::printf("FP16 baseline: %ld results equal\n", compared);
}
