// Pools on every instruction set against sums and maxima sent from each window to its pixels.
#include "kernels/pool/pool.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace subbyte {
namespace {

struct Trial {
  PoolWindows p;
  Contents contents;
  int shift = 0;  ///< of backward
  size_t inputs() const { return size_t(p.in_h) * p.in_w * p.channels; }
  size_t outputs() const { return size_t(p.out_h) * p.out_w * p.channels; }
};

int log2_ceil(int n) {
  int k = 0;
  while ((1 << k) < n) ++k;
  return k;
}

/// The windows of the models (2x2/2, 3x3/2 with frame, the whole image) and any other.
Trial any_trial() {
  PoolWindows p{};
  const int kind = *rc::gen::inRange(0, 4);
  p.in_h = *rc::gen::inRange(1, 14);
  p.in_w = *rc::gen::inRange(1, 14);
  p.channels = *rc::gen::element(*rc::gen::inRange(1, 71), 16, 32, 64);
  p.kernel_h = kind == 0 ? 2 : kind == 1 ? 3 : kind == 2 ? p.in_h : *rc::gen::inRange(1, 6);
  p.kernel_w = kind == 0 ? 2 : kind == 1 ? 3 : kind == 2 ? p.in_w : *rc::gen::inRange(1, 6);
  p.stride = kind < 2 ? 2 : kind == 2 ? 1 : *rc::gen::inRange(1, 7);
  p.pad = kind == 1 ? 1 : kind == 3 ? *rc::gen::inRange(0, std::min(p.kernel_h, p.kernel_w)) : 0;
  p.in_h = std::max(p.in_h, p.kernel_h);
  p.in_w = std::max(p.in_w, p.kernel_w);
  p.out_h = (p.in_h + 2 * p.pad - p.kernel_h) / p.stride + 1;
  p.out_w = (p.in_w + 2 * p.pad - p.kernel_w) / p.stride + 1;
  const int down = (p.kernel_h + p.stride - 1) / p.stride, across = (p.kernel_w + p.stride - 1) / p.stride;
  return {p, any_contents(), log2_ceil(down * across)};
}

/// Calls f(index in the window, element of the image, element of the output).
template <class F>
void for_windows(const PoolWindows& p, F f) {
  for (int y = 0; y < p.out_h; ++y)
    for (int x = 0; x < p.out_w; ++x)
      for (int i = 0; i < p.kernel_h; ++i)
        for (int j = 0; j < p.kernel_w; ++j)
          for (int c = 0; c < p.channels; ++c) {
            const int iy = y * p.stride - p.pad + i, ix = x * p.stride - p.pad + j;
            if (iy >= 0 && ix >= 0 && iy < p.in_h && ix < p.in_w)
              f(i * p.kernel_w + j, (size_t(iy) * p.in_w + ix) * p.channels + c, (size_t(y) * p.out_w + x) * p.channels + c);
          }
}

std::vector<int64_t> rounded(std::vector<int64_t> sums, int shift) {
  for (int64_t& v : sums) v = floor_shift(v + (shift ? int64_t{1} << (shift - 1) : 0), shift);
  return sums;
}

TEST(Pool, MaximaAreTheFirstOfTheirWindows) {
  EXPECT_TRUE(rc::check("out = max, where = its first place, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> in(t.inputs(), any_offset());
    const int levels = *rc::gen::element(1, 3, 32767);  // few: ties
    t.contents.fill(in, -levels - 1, levels);
    std::vector<int> best(t.outputs(), INT32_MIN), where(t.outputs());
    for_windows(t.p, [&](int index, size_t from, size_t to) {
      if (in[from] > best[to]) best[to] = in[from], where[to] = index;
    });
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> out(t.outputs(), any_offset());
      Guarded<uint8_t> places(t.outputs(), any_offset());
      pool_kernels(isa).max(t.p, in.data(), out.data(), places.data());
      require_same(out, best, "maximum", isa);
      require_same(places, where, "place", isa);
    }
  }));
}

TEST(Pool, AveragesAreRoundedSums) {
  EXPECT_TRUE(rc::check("out = sum >> shift, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> in(t.inputs(), any_offset());
    t.contents.fill(in, -32768, 32767);
    const int shift = log2_ceil(t.p.kernel_h * t.p.kernel_w);
    std::vector<int64_t> sums(t.outputs(), 0);
    for_windows(t.p, [&](int, size_t from, size_t to) { sums[to] += in[from]; });
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> out(t.outputs(), any_offset());
      pool_kernels(isa).average(t.p, in.data(), shift, out.data());
      require_same(out, rounded(sums, shift), "average", isa);
    }
  }));
}

TEST(Pool, GradientsGoToTheMaxima) {
  EXPECT_TRUE(rc::check("dx = sum of delta of the windows that chose the pixel, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> delta(t.outputs(), any_offset());
    Guarded<uint8_t> where(t.outputs(), any_offset());
    t.contents.fill(delta, -32768, 32767);
    t.contents.fill(where, 0, t.p.kernel_h * t.p.kernel_w - 1);
    std::vector<int64_t> sums(t.inputs(), 0);
    for_windows(t.p, [&](int index, size_t to, size_t from) { sums[to] += where[from] == index ? delta[from] : 0; });
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> dx(t.inputs(), any_offset());
      pool_kernels(isa).max_back(t.p, delta.data(), where.data(), t.shift, dx.data());
      require_same(dx, rounded(sums, t.shift), "gradient", isa);
    }
  }));
}

TEST(Pool, GradientsOfAveragesGoToAllPixels) {
  EXPECT_TRUE(rc::check("dx = sum of delta of the windows over the pixel, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> delta(t.outputs(), any_offset());
    t.contents.fill(delta, -32768, 32767);
    std::vector<int64_t> sums(t.inputs(), 0);
    for_windows(t.p, [&](int, size_t to, size_t from) { sums[to] += delta[from]; });
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> dx(t.inputs(), any_offset());
      pool_kernels(isa).average_back(t.p, delta.data(), t.shift, dx.data());
      require_same(dx, rounded(sums, t.shift), "gradient", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
