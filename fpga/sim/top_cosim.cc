// subbyte_top (8 x 8, w4a4g4's default) over AXI-Stream with stalls on both sides and a reset in the middle of a tile, against
// integer sums. Usage: top_cosim TRIALS [SEED].
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "Vsubbyte_top.h"

namespace {
constexpr int rows = 8, cols = 8, bits = 4, groups = 4, sum_bytes = 3;
constexpr int shift_bits = 2, b_at = rows * (bits + shift_bits);
}  // namespace

int main(int argc, char** argv) {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 100;
  std::mt19937 r(argc > 2 ? uint32_t(std::atoi(argv[2])) : 1);
  Vsubbyte_top top;
  auto put = [&](int at, int width, uint32_t value) {
    for (int i = 0; i < width; ++i, ++at) {
      top.s_axis_tdata[at / 32] &= ~(1u << (at % 32));
      top.s_axis_tdata[at / 32] |= (value >> i & 1) << (at % 32);
    }
  };
  auto edge = [&] {
    top.aclk = 1, top.eval();
    top.aclk = 0, top.eval();
  };
  auto reset = [&] {
    top.aresetn = 0, edge(), edge();
    top.aresetn = 1, top.eval();
  };
  top.s_axis_tvalid = top.m_axis_tready = 0;
  reset();
  long compared = 0, beats = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const int k_count = 1 + int(r() % 50);
    const bool broken = trial % 10 == 9;  // a reset before the end
    std::vector<int> a, b, shift;
    for (int k = 0; k < k_count; ++k) {
      shift.push_back(int(r() % groups));
      for (int m = 0; m < rows; ++m) a.push_back(int(r() % 15) - 7);
      for (int n = 0; n < cols; ++n) b.push_back(int(r() % 16) - 8);
    }
    std::vector<int> order;  // indices, -1: a step
    for (int s = groups - 1; s >= 0; --s) {
      for (int k = 0; k < k_count; ++k)
        if (shift[size_t(k)] == s) order.push_back(k);
      if (s) order.push_back(-1);
    }
    for (size_t i = 0; i < order.size(); ++i) {
      while (r() % 4 == 0) top.s_axis_tvalid = 0, top.eval(), edge();
      for (int w = 0; w < rows * (bits + shift_bits) / 32; ++w) top.s_axis_tdata[w] = uint32_t(r());
      const int k = order[i];
      if (k >= 0) {
        for (int m = 0; m < rows; ++m) put(m * bits, bits, uint32_t(a[size_t(k * rows + m)]));
        for (int n = 0; n < cols; ++n) put(b_at + n * bits, bits, uint32_t(b[size_t(k * cols + n)]));
      }
      top.s_axis_tvalid = 1, top.s_axis_tuser = k < 0, top.s_axis_tlast = i + 1 == order.size();
      top.eval();
      for (int wait = 0; !top.s_axis_tready; ++wait, edge())
        if (wait > 100) return std::puts("error: the array takes no beat"), 1;
      edge();
      ++beats;
      if (broken && i == order.size() / 2) break;
    }
    top.s_axis_tvalid = 0, top.eval();
    if (broken) {
      reset();
      continue;
    }
    for (int m = rows - 1; m >= 0; --m) {
      do {
        top.m_axis_tready = r() % 3 != 0, top.eval();
        if (top.m_axis_tvalid && top.m_axis_tready) break;
        edge();
      } while (true);
      if (top.m_axis_tlast != (m == 0)) return std::puts("error: tlast does not come with row 0"), 1;
      for (int n = 0; n < cols; ++n) {
        int expected = 0, found = 0;
        for (int k = 0; k < k_count; ++k) expected += a[size_t(k * rows + m)] * (1 << shift[size_t(k)]) * b[size_t(k * cols + n)];
        for (int i = 0; i < sum_bytes; ++i) {
          const int byte = n * sum_bytes + i;
          found |= int(top.m_axis_tdata[byte / 4] >> (byte % 4 * 8) & 255) << (8 * i);
        }
        found = int(uint32_t(found) << 8) >> 8;
        if (found != expected) {
          std::printf("error: tile %d, row %d, column %d: found %d, expected %d\n", trial, m, n, found, expected);
          return 1;
        }
        ++compared;
      }
      edge();
      top.m_axis_tready = 0, top.eval();
    }
  }
  std::printf("AXI-Stream top: %ld sums equal, %ld beats\n", compared, beats);
}
