// Both depthwise products on every instruction set against their sums in 64 bits, modulo 2^32.
#include "kernels/depthwise/depthwise.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace subbyte {
namespace {

struct Trial {
  int taps, channels, step, pixels;
  std::vector<int32_t> offset;
  Contents contents;
  Guarded<int16_t> x;
};

Trial any_trial() {
  const int channels = *rc::gen::inRange(1, 71), taps = *rc::gen::inRange(1, 26), pixels = *rc::gen::inRange(1, 71);
  const int step = channels * *rc::gen::inRange(1, 4), reach = channels * *rc::gen::inRange(0, 30);
  Trial t{taps, channels, step, pixels, {}, any_contents(),
          Guarded<int16_t>(size_t(reach) + size_t(pixels - 1) * step + channels, any_offset())};
  t.contents.fill(t.x, -32768, 32767);
  for (int tap = 0; tap < taps; ++tap) t.offset.push_back(int32_t(t.contents.uniform(0, reach / channels)) * channels);
  return t;
}

int64_t input(const Trial& t, int pixel, int tap, int c) { return t.x[size_t(pixel) * t.step + t.offset[tap] + c]; }

TEST(Depthwise, RowsAreSumsOverTaps) {
  EXPECT_TRUE(rc::check("y[p][c] = sum over taps x w, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> w(size_t(t.taps) * t.channels, any_offset());
    t.contents.fill(w, -32768, 32767);
    std::vector<int32_t> expected;
    for (int p = 0; p < t.pixels; ++p)
      for (int c = 0; c < t.channels; ++c) {
        int64_t sum = 0;
        for (int tap = 0; tap < t.taps; ++tap) sum += input(t, p, tap, c) * w[size_t(tap) * t.channels + c];
        expected.push_back(int32_t(uint32_t(uint64_t(sum))));
      }
    for (Isa isa : supported_isas()) {
      Guarded<int32_t> out(expected.size(), any_offset());
      depthwise_kernels(isa).row({t.x.data(), t.offset.data(), t.taps, t.channels, t.step, t.pixels, w.data(), out.data()});
      require_same(out, expected, "row", isa);
    }
  }));
}

TEST(Depthwise, WeightGradientsAreSumsOverPixelsAddedToWhatWasThere) {
  EXPECT_TRUE(rc::check("dw[tap][c] += sum over p x g, on every instruction set", [] {
    Trial t = any_trial();
    Guarded<int16_t> g(size_t(t.pixels) * t.channels, any_offset());
    t.contents.fill(g, -32768, 32767);
    Guarded<int32_t> before(size_t(t.taps) * t.channels, any_offset());
    t.contents.fill(before, INT32_MIN, INT32_MAX);
    std::vector<int32_t> expected;
    for (int tap = 0; tap < t.taps; ++tap)
      for (int c = 0; c < t.channels; ++c) {
        int64_t sum = before[size_t(tap) * t.channels + c];
        for (int p = 0; p < t.pixels; ++p) sum += input(t, p, tap, c) * g[size_t(p) * t.channels + c];
        expected.push_back(int32_t(uint32_t(uint64_t(sum))));
      }
    for (Isa isa : supported_isas()) {
      Guarded<int32_t> dw = before;
      depthwise_kernels(isa).gradient(
          {t.x.data(), t.offset.data(), t.taps, t.channels, t.step, t.pixels, g.data(), dw.data()});
      require_same(dw, expected, "gradient", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
