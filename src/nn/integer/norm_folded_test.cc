// A folded normalization against the formula in FP64, with the running statistics of another batch.
//
// What fixed point may change, in units of z: half a unit by the shift, half by the multiplier's own rounding (15 bits below the
// point times up to 2^15 units of y from the mean), a little by the offset's, one unit by the residual's.
#include "nn/integer/grid.h"
#include "nn/integer/norm_test_rig.h"

namespace subbyte {
namespace {

using namespace norm_rig;

/// A layer in evaluation, folded, after one training step on values that spread a little less.
struct FoldedRig : Rig {
  explicit FoldedRig(const Trial& trial) : Rig(trial) {
    Rig::forward();
    Stream& y = ctx.values[0].stream;
    ctx.values[2].stream.memory.reset();
    y.memory = ctx.memory.take(int64_t(count));
    for (size_t e = 0; e < count; ++e) {
      const double mean = ctx.states[0].floats[e % size_t(t.shape.c)] / unit(int(e % size_t(t.shape.c)));
      input[e] = std::clamp(int(std::lround(mean + 1.3 * (input[e] - mean))), -16383, 16383);
      (*y.memory)[e] = int16_t(input[e]);
    }
    ctx.training = false;
    ctx.folded = true;
    Rig::forward();
  }
};

TEST(NormFolded, IsTheFormulaWithRunningStatistics) {
  EXPECT_TRUE(rc::check("a code of the normalization's input has no part", [] {
    Trial t = any_trial();
    t.code_bits = *rc::gen::element(0, 2, 4, 8);
    const FoldedRig rig(t);
    const Stream& z = rig.ctx.values[2].stream;
    for (int c = 0; c < t.shape.c; ++c) {
      const auto state = [&](int i) { return double(rig.ctx.states[size_t(i)].floats[size_t(c)]); };
      const double mean = state(0), deviation = state(1), peak = state(2), unit = rig.unit(c);
      for (size_t e = size_t(c); e < rig.count; e += size_t(t.shape.c)) {
        // Peaks are rounded to the unit of y, as where nothing is folded.
        const double d = std::clamp(rig.input[e] * unit - mean, -peak, peak), gamma = rig.gamma.value[size_t(c)];
        double expected = gamma * d / deviation + rig.beta.value[size_t(c)] + (t.residual ? 0.0004 * rig.residual[e] : 0);
        if (t.relu) expected = std::max(expected, 0.0);
        const double found = (*z.memory)[e] * z.scale, rounding = 0.51 * std::fabs(gamma) * unit / deviation;
        RC_ASSERT(std::fabs(found - expected) <= rounding + (t.residual ? 2.1 : 1.1) * z.scale);
        RC_ASSERT(std::abs((*z.memory)[e]) <= z.top);
      }
    }
  }));
}

TEST(NormFolded, CodesAreTheStreamShiftedRight) {
  EXPECT_TRUE(rc::check("to the nearest, ties to even, without a multiplication; with and without the stream", [] {
    Trial t = any_trial();
    t.code_bits = *rc::gen::inRange(2, 9);
    const FoldedRig rig(t);
    const Value& value = rig.ctx.values[2];
    const int fraction = int(std::lround(std::log2(value.codes.scale / value.stream.scale)));
    RC_PRE(fraction >= 0);  // a batch whose values are all but 0 beside the bound: its codes are finer than the stream
    RC_ASSERT(std::fabs(std::ldexp(value.stream.scale, fraction) / value.codes.scale - 1) < 1e-12);
    const int32_t range = top_code(t.code_bits, !t.relu) << fraction;
    std::vector<uint8_t> codes(rig.elements + 8);
    for (int i = 0; i < t.images; ++i) {
      rig.ctx.quantize.unpack(value.codes.image(i), int64_t(rig.elements), t.code_bits, codes.data());
      for (size_t e = 0; e < rig.elements; ++e) {
        const int n = value.codes.shift[e % size_t(t.shape.c)], limit = range >> n;
        const int z = std::clamp<int>(value.stream.image(i, int64_t(rig.elements))[e], -limit, limit);
        RC_ASSERT(codes[e] - value.codes.zero == int(std::nearbyint(std::ldexp(z, n - fraction))));
      }
    }
    t.keeps_stream = false;
    const FoldedRig other(t);
    const Codes& alone = other.ctx.values[2].codes;
    RC_ASSERT(std::equal(alone.packed.data(), alone.packed.data() + alone.packed.size(), value.codes.packed.data()));
  }));
}

}  // namespace
}  // namespace subbyte
