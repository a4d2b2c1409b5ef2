// The activation codes that a normalization hands on: ranges, shifts and bytes.
#include "nn/integer/grid.h"
#include "nn/integer/norm_test_rig.h"

namespace subbyte {
namespace {

using namespace norm_rig;

TEST(NormCodes, SavesItsCodesAndAMaskAndHandsOnPackedActivations) {
  for (const int bits : {8, 4, 3}) {
    Trial t;
    t.shape = {8, 8, 16};
    t.bits = bits;
    t.code_bits = 4;
    Rig rig(t);
    rig.forward();
    EXPECT_EQ(rig.layer->info().saved_bytes_per_image, 1024 * bits / 8 + 1024 / 8);
    const Codes& codes = rig.ctx.values[2].codes;
    EXPECT_EQ(codes.image_bytes, 1024 / 2);  // half a byte an activation
    EXPECT_EQ(codes.packed.size(), size_t(t.images) * 1024 / 2);
    std::vector<uint8_t> q(1024 + 8);
    const Stream& z = rig.ctx.values[2].stream;
    for (int i = 0; i < t.images; ++i) {
      rig.ctx.quantize.unpack(codes.image(i), 1024, 4, q.data());
      for (int e = 0; e < 1024; ++e) {
        const double step = std::ldexp(codes.scale, -codes.shift[e % 16]);
        ASSERT_NEAR(z.image(i, 1024)[e] * z.scale, q[e] * step, step * (0.5 + 0x1p-7));
      }
    }
  }
}

/// Mean squares and magnitudes of the first step limit the second step's ranges: of every second image, where 1,024 elements
/// are enough.
TEST(NormCodes, RunningMeansLimitTheRangesOfCodes) {
  for (const bool residual : {false, true}) {
    Trial t;
    t.shape = {8, 8, 16};
    t.images = 33;
    t.residual = residual;
    t.code_bits = 4;
    t.clip_a = 2;
    Rig rig(t);
    const auto energy = [&](int c) { return rig.ctx.states[4].floats[c]; };
    const auto magnitude = [&](int c) { return rig.ctx.states[5].floats[c]; };
    ASSERT_TRUE(rig.ctx.states[4].name.ends_with(".running_energy"));
    ASSERT_TRUE(rig.ctx.states[5].name.ends_with(".running_magnitude"));
    const Stream& z = rig.ctx.values[2].stream;
    rig.forward();
    std::vector<double> squares(16, 0), sizes(16, 0), limit;
    for (int i = 0; i < 33; i += 2)
      for (int e = 0; e < 1024; ++e) {
        const double value = z.image(i, 1024)[e] * z.scale;
        squares[e % 16] += value * value / (17 * 64);
        sizes[e % 16] += value / (17 * 64);
      }
    for (int c = 0; c < 16; ++c) {
      ASSERT_NEAR(energy(c), squares[c], 1e-5 * squares[c]);
      ASSERT_NEAR(magnitude(c), sizes[c], 1e-5 * sizes[c]);
      limit.push_back(2 * squares[c] / sizes[c]);
    }
    rig.ctx.first_batch = false;
    rig.ctx.values[2].stream.memory.reset();
    rig.ctx.values[0].stream.memory = rig.ctx.memory.take(int64_t(rig.count));
    for (size_t e = 0; e < rig.count; ++e) (*rig.ctx.values[0].stream.memory)[e] = int16_t(rig.input[e]);
    rig.forward();
    std::vector<double> range = limit;  // below what z reaches
    const double most = *std::max_element(range.begin(), range.end());
    const Codes& codes = rig.ctx.values[2].codes;
    EXPECT_NEAR(codes.scale * 15, most, 2 * z.scale + most * 1e-3);
    std::vector<uint8_t> q(1024 + 8);
    int clipped = 0;
    for (int c = 0; c < 16; ++c) {
      const double octaves = std::log2(most / range[c]);
      if (std::fabs(octaves - std::floor(octaves) - 0.5) > 1e-2) {  // else the nearest octave is a matter of rounding
        EXPECT_EQ(codes.shift[c], std::min(3, int(std::lround(octaves)))) << "channel " << c;
      }
    }
    for (int i = 0; i < t.images; ++i) {
      rig.ctx.quantize.unpack(codes.image(i), 1024, 4, q.data());
      for (int e = 0; e < 1024; ++e) {
        const double step = std::ldexp(codes.scale, -codes.shift[e % 16]), value = z.image(i, 1024)[e] * z.scale;
        clipped += value > 15.5 * step;
        ASSERT_NEAR(std::min(value, 15 * step), q[e] * step, step * (0.5 + 0x1p-6)) << i << " " << e;
      }
    }
    EXPECT_GT(clipped, 20);
  }
}

TEST(NormCodes, CodesAreThoseOfTheStreamAlsoWhereItIsNotKept) {
  EXPECT_TRUE(rc::check("the grid of the channels' maxima, the same bytes; training, then evaluation", [] {
    Trial t = any_trial();
    t.code_bits = *rc::gen::inRange(2, 9);
    t.block_groups_a = *rc::gen::inRange(0, 5);
    Rig kept(t);
    t.keeps_stream = false;
    Rig rig(t);
    for (const bool training : {true, false}) {
      for (Rig* r : {&kept, &rig}) {
        r->ctx.training = training;
        if (!training) {
          r->ctx.values[2].stream.memory.reset();
          r->ctx.values[0].stream.memory = r->ctx.memory.take(int64_t(r->count));
          for (size_t e = 0; e < r->count; ++e) (*r->ctx.values[0].stream.memory)[e] = int16_t(r->input[e]);
        }
        r->forward();
      }
      const Stream& z = kept.ctx.values[2].stream;
      const Codes &expected = kept.ctx.values[2].codes, &codes = rig.ctx.values[2].codes;
      const bool is_kept = bool(z.memory), other_is_kept = bool(rig.ctx.values[2].stream.memory);
      RC_ASSERT(is_kept);
      RC_ASSERT(other_is_kept == (training && t.residual));  // there the range is known only after the pass
      RC_ASSERT(codes.scale == expected.scale && codes.shift == expected.shift && codes.zero == expected.zero);
      RC_ASSERT(codes.packed.size() == expected.packed.size());
      RC_ASSERT(std::equal(codes.packed.data(), codes.packed.data() + codes.packed.size(), expected.packed.data()));
      if (!training) continue;
      std::vector<int32_t> top(t.shape.c, 0);
      for (size_t e = 0; e < kept.count; ++e)
        top[e % t.shape.c] = std::max(top[e % t.shape.c], std::abs(int32_t((*z.memory)[e])));
      const Grid grid = make_grid(top, z.scale, t.code_bits, !t.relu, 4);
      const int most = t.relu ? std::min(t.block_groups_a ? t.block_groups_a - 1 : 3, std::min(3, 8 - t.code_bits)) : 0;
      RC_ASSERT(codes.most_shift == most);
      RC_ASSERT(codes.scale == std::ldexp(grid.scale, -most) && codes.shift == grid.shift);
      Buffer<int16_t> limit, pow2;
      grid.constants(0, limit, pow2);
      const QuantizeGrid g{limit.data(), pow2.data(), int(limit.size()), grid.multiplier, grid.fraction};
      const int64_t n = int64_t(rig.elements), shifts = packed_bytes(n, t.code_bits);
      RC_ASSERT(codes.image_bytes == shifts + (most ? block_shift_bytes(n, t.shape.c) : 0));
      for (int i = 0; i < t.images; ++i) {
        std::vector<uint8_t> nearest(size_t(codes.image_bytes) + 8);
        const QuantizeKernels& k = quantize_kernels(Isa::scalar);
        if (most) k.nearest_blocks(z.image(i, n), n, g, t.shape.c, most, t.code_bits, nearest.data(), nearest.data() + shifts);
        else k.nearest_packed(z.image(i, n), n, g, codes.zero, t.code_bits, nearest.data());
        RC_ASSERT(std::equal(nearest.begin(), nearest.begin() + shifts, codes.image(i)));
        if (most == 0) continue;
        std::vector<uint8_t> found(size_t(n) + 8), expected(size_t(n) + 8);  // lanes without an element may differ
        k.unpack_blocks(codes.image(i), codes.image(i) + shifts, n, t.shape.c, t.code_bits, n, 0, found.data());
        k.unpack_blocks(nearest.data(), nearest.data() + shifts, n, t.shape.c, t.code_bits, n, 0, expected.data());
        RC_ASSERT(std::equal(expected.begin(), expected.end() - 8, found.begin()));
      }
    }
  }));
}

}  // namespace
}  // namespace subbyte
