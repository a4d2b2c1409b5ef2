// Choices once a tensor: channel shifts, the fixed-point grid of activations and gradients, pixels' codes, streams' scales.
#include "nn/integer/grid.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>

#include "kernels/period.h"
#include "nn/integer/input.h"
#include "nn/integer/layer.h"

namespace subbyte {
namespace {

TEST(ChannelShift, IsTheLargestPowerOfTwoThatTheRangeHolds) {
  EXPECT_EQ(channel_shift(100, 100, 4), 0);
  EXPECT_EQ(channel_shift(100, 51, 4), 0);
  EXPECT_EQ(channel_shift(100, 50, 4), 1);
  EXPECT_EQ(channel_shift(100, 12, 4), 3);
  EXPECT_EQ(channel_shift(100, 1, 4), 3);   // no more groups
  EXPECT_EQ(channel_shift(100, 0, 4), 3);
  EXPECT_EQ(channel_shift(100, 1, 1), 0);   // per tensor
  EXPECT_EQ(channel_shift(1.0, 0.25, 8), 2);
  EXPECT_EQ(channel_shift(1.0, 0.2500001, 8), 1);
  EXPECT_EQ(channel_shift(1.0, 0.0, 8), 7);
}

struct AnyGrid {
  std::vector<int32_t> range;
  Grid grid;
  int bits, groups;
  bool is_signed;
};

AnyGrid any_grid() {
  AnyGrid g;
  g.bits = *rc::gen::inRange(2, 9);
  g.groups = *rc::gen::inRange(1, 9);
  g.is_signed = *rc::gen::arbitrary<bool>();
  const int channels = *rc::gen::inRange(1, 20), largest = 1 << *rc::gen::inRange(0, 15);
  std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
  for (int c = 0; c < channels; ++c)
    g.range.push_back(std::uniform_int_distribution<int>(0, std::min(32767, 2 * largest))(random) >> random() % 8);
  g.grid = make_grid(g.range, 0.125, g.bits, g.is_signed, g.groups);
  return g;
}

int code_of(const AnyGrid& g, int c, int m, int z) {
  Buffer<int16_t> limit, pow2;
  g.grid.constants(m, limit, pow2);
  std::vector<int16_t> row(g.range.size(), 0);
  row[c] = int16_t(z);
  std::vector<uint8_t> codes(row.size() + 8);
  const int zero = g.is_signed ? 1 << (g.bits - 1) : 0;
  quantize_kernels(Isa::scalar).nearest(row.data(), int64_t(row.size()),
      {limit.data(), pow2.data(), int(limit.size()), g.grid.multiplier, g.grid.fraction}, zero, codes.data());
  return int(codes[c]) - zero;
}

TEST(Grid, NeverClipsAndUsesItsTop) {
  EXPECT_TRUE(rc::check("codes of values within a channel's range are the nearest of the grid", [] {
    const AnyGrid g = any_grid();
    const int top = top_code(g.bits, g.is_signed);
    for (int c = 0; c < int(g.range.size()); ++c) {
      const int shift = g.grid.shift[c];
      RC_ASSERT(shift >= 0 && shift < g.groups);
      const double step = std::ldexp(g.grid.scale, -shift) / 0.125;  // of a code, in stream units
      for (const int z : {0, 1, g.range[c] / 3, g.range[c] / 2, g.range[c] - 1, g.range[c]}) {
        if (z < 0 || z > g.range[c]) continue;
        for (const int sign : {1, -1}) {
          if (sign < 0 && !g.is_signed) continue;
          const int code = code_of(g, c, 0, sign * z);
          RC_ASSERT(std::abs(code) <= top);
          // z' is rounded to 2^-fraction of a code (fraction >= 6) before the code is: |code - z / step| <= 1/2 + 2^-7.
          RC_ASSERT(std::fabs(code - sign * z / step) <= 0.5 + 0x1p-7 + 1e-9);
        }
      }
    }
    const int widest = int(std::max_element(g.range.begin(), g.range.end()) - g.range.begin());
    if (g.range[widest] > 0) RC_ASSERT(code_of(g, widest, 0, g.range[widest]) == top);
  }));
}

TEST(Grid, ASampleWithAShiftUsesTheSameCodesForSmallerValues) {
  EXPECT_TRUE(rc::check("code of z with sample shift m is the code of z << m", [] {
    AnyGrid g = any_grid();
    const int c = *rc::gen::inRange(0, int(g.range.size())), m = *rc::gen::inRange(0, 8);
    const int limit = g.grid.range >> (g.grid.shift[c] + m);
    const int z = *rc::gen::inRange(0, limit + 1);
    RC_ASSERT(code_of(g, c, m, z) == code_of(g, c, 0, z << m));
    RC_ASSERT(code_of(g, c, m, 32767) == code_of(g, c, m, limit));  // beyond the range it saturates
  }));
}

TEST(Input, CodesAreTheNearestOfTheNormalizedPixels) {
  for (const int bits : {2, 3, 4, 8}) {
    NetworkConfig config;
    config.model.nodes.resize(1);
    config.model.nodes[0].shape = {1, 256, 3};
    config.mean = {0.5f, 0.1f, 0.9f};
    config.stddev = {0.25f, 0.5f, 0.125f};
    config.threads = 2;
    Context ctx(config);
    ctx.images = 2;
    Value value;
    value.shape = config.model.input_shape();
    std::vector<uint8_t> pixels(2 * 256 * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i / 3 + i / 768);  // every byte in every channel
    InputQuantizer(config, bits).run(ctx, pixels.data(), value);
    EXPECT_EQ(value.codes.bits, bits);
    EXPECT_EQ(value.codes.packed.size(), size_t(2 * 256 * 3 * bits / 8));
    EXPECT_EQ(value.codes.image_bytes, 256 * 3 * bits / 8);
    EXPECT_EQ(value.codes.shift, std::vector<int32_t>(3, 0));
    const int top = (1 << (bits - 1)) - 1;
    EXPECT_NEAR(value.codes.scale, 7.2 / top, 1e-6);  // the third channel reaches (0 - 0.9) / 0.125
    std::vector<uint8_t> codes(256 * 3 + 8);
    for (int i = 0; i < 2; ++i) {
      ctx.quantize.unpack(value.codes.image(i), 256 * 3, bits, codes.data());
      for (int e = 0; e < 256 * 3; ++e) {
        const double real = (pixels[i * 768 + e] / 255.0 - config.mean[e % 3]) / config.stddev[e % 3];
        const int code = int(codes[e]) - value.codes.zero;
        EXPECT_LE(std::abs(code), top);
        EXPECT_LE(std::fabs(real / value.codes.scale - code), 0.5 + 1e-9);
      }
    }
  }
}

TEST(Stream, RescaleKeepsFifteenBits) {
  EXPECT_TRUE(rc::check("multiply_high(pow2 * v, multiplier) is ratio * v within a unit", [] {
    const int top = *rc::gen::inRange(1, 16384), v = *rc::gen::inRange(-top, top + 1);
    const double ratio = 16000.0 / top * (*rc::gen::inRange(1, 1001)) / 1000;
    const Rescale r = make_rescale(top, ratio);
    const int found = multiply_high(int16_t(v * r.pow2), r.multiplier);
    // Half a unit of the multiplier times at most 2^15, and half a unit of the result.
    RC_ASSERT(std::fabs(found - ratio * v) <= 1.0 + 1e-9);
  }));
}

TEST(Stream, GradientsOfTwoConsumersAddUp) {
  EXPECT_TRUE(rc::check("the sum of two streams at different scales, within their roundings", [] {
    NetworkConfig config;
    config.model.nodes.resize(1);
    config.threads = *rc::gen::inRange(1, 4);
    Context ctx(config);
    ctx.images = *rc::gen::inRange(1, 4);
    Value value;
    value.shape = {3, 5, *rc::gen::inRange(1, 9)};
    const int64_t count = int64_t(value.shape.elements()) * ctx.images;
    std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
    Stream a, b;
    std::vector<double> sum(count, 0);
    for (Stream* s : {&a, &b}) {
      s->scale = std::ldexp(1.0 + double(random() % 1000) / 1000, -int(random() % 12));
      s->top = 1 << (random() % 15);
      s->memory = ctx.memory.take(count);
      std::uniform_int_distribution<int> level(-s->top, s->top);
      for (int64_t e = 0; e < count; ++e) (*s->memory)[e] = int16_t(level(random)), sum[e] += s->scale * (*s->memory)[e];
    }
    value.gradients = {&a, &b};
    const std::shared_ptr<Stream> out = gather_gradients(ctx, value);
    RC_ASSERT(value.gradients.empty());
    for (int64_t e = 0; e < count; ++e) {
      RC_ASSERT(std::abs((*out->memory)[e]) <= out->top);
      RC_ASSERT(std::fabs((*out->memory)[e] * out->scale - sum[e]) <= out->scale * (2 + 1e-6));  // one unit each
    }
    RC_ASSERT(gather_gradients(ctx, value) == nullptr);
  }));
}

}  // namespace
}  // namespace subbyte
