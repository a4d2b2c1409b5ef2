// The normalization layer against the formulas in FP64.
//
//   forward   z = gamma (y - mean) / D + beta (+ residual), then ReLU;   D = kappa <|y - mean|> (L1) or the deviation (L2)
//   backward  dx = (1/D)[g - <g> - kappa (s - <s>) <g x>]   (L1)      (1/D)[g - <g> - x <g x>]   (L2)
//             with x = (y - mean) / D, s = sign(x), g = gamma delta where z > 0
//
// What fixed point may change. In forward: the code of y - mean is off by half its step h (0 where the step is finer than
// the stream), the scale, the product and the offset by half a unit of z each, the residual by another unit; the L1 deviation
// is taken around the mean rounded to the stream's unit, f of it off. In backward: g is off by a unit (scale and product),
// each mean by a unit (constants are dithered), the correction by a unit; <g x> by <|g|> (h + f) / D; signs only where
// |y - mean| <= h + f (and a code of 0 counts as positive). Where less than the code is saved, its step is added to h, but
// not for the signs.
#include "nn/integer/norm_test_rig.h"

namespace subbyte {
namespace {

using namespace norm_rig;

constexpr double kappa = 1.2533141373155003;

/// What one channel's formulas need, in units of the input stream.
struct Channel {
  double mean = 0, deviation = 0, fraction = 0, half_step = 0, saved_step = 0;
  bool constant = false;  // nothing to normalize: the offset comes out, and no gradient goes in
};

/// D as the network takes it for L1: around the rounded mean.
Channel measure(const Rig& rig, int c) {
  Channel m;
  const double n = double(rig.count / rig.t.shape.c), unit = rig.unit(c);
  double sum = 0, spread = 0, peak = 0;
  for (size_t e = c; e < rig.count; e += rig.t.shape.c) sum += rig.input[e];
  m.mean = sum / n;
  const double centre = std::floor(m.mean + 0.5);
  m.fraction = std::fabs(m.mean - centre);
  for (size_t e = c; e < rig.count; e += rig.t.shape.c) {
    const double d = rig.t.l2 ? rig.input[e] - m.mean : rig.input[e] - centre;
    spread += rig.t.l2 ? d * d : std::fabs(d);
    peak = std::max(peak, std::fabs(rig.input[e] - centre));
  }
  m.deviation = rig.t.l2 ? std::sqrt(spread / n + 1e-5 / (unit * unit)) : kappa * spread / n + 1e-5 / unit;
  // The code's step: y - mean is shifted up while its largest fits 16 bits with room for rounding.
  m.constant = peak == 0;
  int k = 0;
  const int bits = rig.t.bits, room = (top_code(rig.t) << (16 - bits)) + (1 << (15 - bits)) - 1;
  while (k < 14 && std::ldexp(peak, k + 1) <= room) ++k;
  m.half_step = 16 - bits > k ? std::ldexp(1.0, 15 - bits - k) : 0;
  if (rig.t.saved_bits < bits) m.saved_step = std::ldexp(1.0, saved_code(rig.t).shift() + 16 - bits - k);
  return m;
}

void check_forward(Rig& rig) {
  rig.forward();
  const Stream& z = rig.ctx.values[2].stream;
  const Trial& t = rig.t;
  RC_ASSERT(rig.ctx.values[0].stream.memory == nullptr);  // the input is done with
  for (int c = 0; c < t.shape.c; ++c) {
    const Channel m = measure(rig, c);
    const double bound = std::fabs(rig.gamma.value[c]) * m.half_step / m.deviation + z.scale * (t.residual ? 2.5 : 1.5);
    for (size_t e = c; e < rig.count; e += t.shape.c) {
      double expected = rig.gamma.value[c] * (rig.input[e] - m.mean) / m.deviation + rig.beta.value[c];
      if (t.residual) expected += 0.0004 * rig.residual[e];
      if (t.relu) expected = std::max(expected, 0.0);
      RC_ASSERT(std::fabs((*z.memory)[e] * z.scale - expected) <= bound * (1 + 1e-6));
      RC_ASSERT(std::abs((*z.memory)[e]) <= z.top);
    }
    const auto state = [&](int i) { return rig.ctx.states[i].floats[c]; };
    RC_ASSERT(std::fabs(state(0) - m.mean * rig.unit(c)) <= 1e-6 * std::fabs(state(0)));
    RC_ASSERT(std::fabs(state(1) - m.deviation * rig.unit(c)) <= 1e-6 * state(1));
  }
}

void check_backward(Rig& rig) {
  const Trial& t = rig.t;
  std::vector<int> masked;
  int most = 0;
  for (size_t e = 0; e < rig.count; ++e) {
    masked.push_back(t.relu && (*rig.ctx.values[2].stream.memory)[e] == 0 ? 0 : rig.gradient[e]);
    most = std::max(most, std::abs(masked.back()));
  }
  rig.ctx.values[2].gradients = {&rig.delta};
  rig.layer->backward(rig.ctx);
  RC_ASSERT(rig.ctx.values[0].gradients.size() == 1u);
  const Stream& dx = *rig.ctx.values[0].gradients[0];
  if (t.residual) {
    const Stream& through = *rig.ctx.values[1].gradients.at(0);
    RC_ASSERT(through.scale == 2e-6 && through.top == most);
    for (size_t e = 0; e < rig.count; ++e) RC_ASSERT(int((*through.memory)[e]) == masked[e]);
  }
  std::vector<int32_t> image_top(size_t(t.images) * t.shape.c, 0);
  for (size_t e = 0; e < rig.count; ++e) {
    int32_t& top = image_top[e / rig.elements * t.shape.c + e % t.shape.c];
    top = std::max(top, std::abs(int32_t((*dx.memory)[e])));
  }
  RC_ASSERT(dx.image_top == image_top);
  const double n = double(rig.count / t.shape.c);
  for (int c = 0; c < t.shape.c; ++c) {
    const Channel m = measure(rig, c);
    const double reach = m.half_step + m.fraction;  // how far a code may be off, in input units
    const double saved_reach = reach + m.saved_step;
    double g = 0, gx = 0, s = 0, size = 0, unsure = 0;
    int64_t sum = 0;
    for (size_t e = c; e < rig.count; e += t.shape.c) {
      const double x = rig.input[e] - m.mean;
      g += masked[e] / n, gx += masked[e] * x / m.deviation / n, size += std::fabs(masked[e]) / n;
      s += ((x > 0) - (x < 0)) / n, unsure += (std::fabs(x) <= reach) / n;
      sum += masked[e];
    }
    const double gx_error = size * saved_reach / m.deviation;
    RC_ASSERT(rig.beta.grad[c] == float(double(sum) * 2e-6));
    RC_ASSERT(std::fabs(rig.gamma.grad[c] - gx * n * 2e-6) <= (gx_error * n + 1e-6 * size * n) * 2e-6);
    const double scale = m.constant ? 0 : 2e-6 * rig.gamma.value[c] / (m.deviation * rig.unit(c));
    for (size_t e = c; e < rig.count; e += t.shape.c) {
      const double d = rig.input[e] - m.mean, x = d / m.deviation, sign = (d > 0) - (d < 0);
      const double expected = scale * (masked[e] - g - (t.l2 ? x * gx : kappa * (sign - s) * gx));
      double error = 0;
      if (t.l2) error = saved_reach / m.deviation * (std::fabs(gx) + gx_error) + std::fabs(x) * gx_error;
      else error = 2 * kappa * ((std::fabs(d) <= reach) + unsure) * (std::fabs(gx) + gx_error) + 2 * kappa * gx_error;
      const double bound = dx.scale * 3 + std::fabs(scale) * error;
      RC_ASSERT(std::fabs((*dx.memory)[e] * dx.scale - expected) <= bound * (1 + 1e-6));
      RC_ASSERT(std::abs((*dx.memory)[e]) <= dx.top);
    }
  }
}

TEST(Norm, ForwardAndBackwardAreTheFormulasWithinTheirWidths) {
  EXPECT_TRUE(rc::check("norm_act", [] {
    Rig rig(any_trial());
    check_forward(rig);
    check_backward(rig);
  }));
}

TEST(Norm, EvaluationUsesRunningStatistics) {
  EXPECT_TRUE(rc::check("a batch of wider values is normalized by the mean and deviation of training", [] {
    const Trial t = any_trial();
    Rig first(t), rig(t);
    first.forward();
    for (size_t i = 0; i < first.ctx.states.size(); ++i) rig.ctx.states[i].floats = first.ctx.states[i].floats;
    for (size_t e = 0; e < rig.count; ++e) {
      const double mean = measure(first, int(e % t.shape.c)).mean;
      rig.input[e] = std::clamp(int(std::lround(mean + 1.3 * (rig.input[e] - mean))), -16383, 16383);
      (*rig.ctx.values[0].stream.memory)[e] = int16_t(rig.input[e]);
    }
    rig.ctx.training = false;
    rig.forward();
    const Stream& z = rig.ctx.values[2].stream;
    for (int c = 0; c < t.shape.c; ++c) {
      const double mean = rig.ctx.states[0].floats[c], deviation = rig.ctx.states[1].floats[c];
      const double peak = rig.ctx.states[2].floats[c], unit = rig.unit(c), gamma = rig.gamma.value[c];
      const double step = 2 * peak / (top_code(t) + 0.49) + 2 * unit;  // at least the code's step and the mean's rounding
      for (size_t e = c; e < rig.count; e += t.shape.c) {
        const double d = std::clamp(rig.input[e] * unit - mean, -peak, peak);  // beyond it, it saturates
        double expected = gamma * d / deviation + rig.beta.value[c] + (t.residual ? 0.0004 * rig.residual[e] : 0);
        if (t.relu) expected = std::max(expected, 0.0);
        RC_ASSERT(std::fabs((*z.memory)[e] * z.scale - expected) <= std::fabs(gamma) * step / deviation + 2.5 * z.scale);
      }
    }
  }));
}

TEST(Norm, InputsBeyondTheirClipSaturate) {
  for (const bool l2 : {false, true}) {
    Trial t;
    t.shape = {8, 8, 16};
    t.l2 = l2;
    t.relu = t.residual = false;
    t.clip_norm = 2;
    Rig rig(t);
    rig.forward();
    const Stream& z = rig.ctx.values[2].stream;
    int beyond = 0;
    for (int c = 0; c < t.shape.c; ++c) {
      const Channel m = measure(rig, c);
      const double most = std::ceil(2 * m.deviation) + m.half_step + m.fraction, d = m.deviation;
      for (size_t e = c; e < rig.count; e += t.shape.c) {
        const double x = rig.input[e] - m.mean, value = ((*z.memory)[e] * z.scale - rig.beta.value[c]) / rig.gamma.value[c];
        beyond += std::fabs(x) > most;
        ASSERT_LE(std::fabs(value) * d, most + 1 + 2 * d * z.scale / std::fabs(rig.gamma.value[c])) << "channel " << c;
      }
    }
    EXPECT_GT(beyond, 50);  // of 3072 normal values 4.6% are beyond two deviations
  }
}

/// The gradient of what the mean takes away is 0, which one rounding of the constants for the whole batch would not keep. (In
/// L2 the codes themselves have a small mean.)
TEST(Norm, TheGradientOfABatchHasNoMean) {
  Trial t;
  t.shape = {4, 4, 32};
  t.images = 128;
  t.residual = false;
  Rig rig(t);
  rig.forward();
  rig.ctx.values[2].gradients = {&rig.delta};
  rig.layer->backward(rig.ctx);
  const Stream& dx = *rig.ctx.values[0].gradients[0];
  const double n = double(rig.count / t.shape.c);
  for (int c = 0; c < t.shape.c; ++c) {
    double sum = 0;
    for (size_t e = c; e < rig.count; e += t.shape.c) sum += (*dx.memory)[e];
    // A sixteenth of a unit from each of two constants, and the products' roundings, of deviation 0.3.
    EXPECT_LE(std::fabs(sum / n), 2.0 / 16 + 6 * 0.3 / std::sqrt(n)) << "channel " << c;
  }
}

/// Saved magnitudes have 2 or 3 bits, and steps of up to half the range, but the sums that are made of them no bias.
TEST(Norm, SavedBitsLeaveTheGradientsTheirMeans) {
  for (const bool l2 : {false, true})
    for (const bool residual : {false, true}) {
      Trial t;
      t.shape = {8, 8, 16};
      t.images = 32;
      t.l2 = l2;
      t.residual = residual;
      Rig whole(t);
      t.saved_bits = 4;
      Rig saved(t);
      for (Rig* rig : {&whole, &saved}) {
        rig->forward();
        rig->ctx.values[2].gradients = {&rig->delta};
        rig->layer->backward(rig->ctx);
      }
      EXPECT_EQ(saved.layer->info().saved_bytes_per_image, 1024 / 2 + (residual ? 1024 / 8 : 0));
      EXPECT_EQ(whole.layer->info().saved_bytes_per_image, 1024 + (residual ? 1024 / 8 : 0));
      double error = 0, size = 0;
      for (int c = 0; c < 16; ++c) {
        const Channel m = measure(saved, c);
        double squares = 0, steps = 0;
        for (size_t e = c; e < saved.count; e += 16) {
          squares += double(saved.gradient[e]) * saved.gradient[e];
          steps += std::abs(saved.gradient[e]);
        }
        // The dither's deviation is at most half a step; the two forwards' codes differ by their own steps.
        const double noise = std::sqrt(squares) * m.saved_step / 2, rounding = std::sqrt(squares) * 2 * m.half_step;
        const double off = (saved.gamma.grad[c] - whole.gamma.grad[c]) / 2e-6 * m.deviation;
        EXPECT_LE(std::fabs(off), 4 * (noise + rounding)) << "channel " << c;
        error += off * off, size += steps * steps * m.saved_step * m.saved_step / 16;
      }
      EXPECT_LE(error, 0.01 * size);  // a bias of a quarter of a step would be the whole of it
    }
}

TEST(Norm, AConstantChannelGivesItsOffset) {
  for (const bool l2 : {false, true}) {
    Trial t;
    t.l2 = l2;
    t.residual = false;
    t.relu = false;
    Rig rig(t);
    Stream& y = rig.ctx.values[0].stream;
    for (size_t e = 1; e < rig.count; e += 3) (*y.memory)[e] = 77;
    y.sum[1] = 77 * int64_t(rig.count / 3);
    y.low[1] = y.high[1] = 77;
    rig.forward();
    const Stream& z = rig.ctx.values[2].stream;
    for (size_t e = 1; e < rig.count; e += 3) EXPECT_NEAR((*z.memory)[e] * z.scale, rig.beta.value[1], z.scale);
    rig.ctx.values[2].gradients = {&rig.delta};
    rig.layer->backward(rig.ctx);
    for (size_t e = 1; e < rig.count; e += 3) EXPECT_EQ((*rig.ctx.values[0].gradients[0]->memory)[e], 0);
    EXPECT_EQ(rig.gamma.grad[1], 0);
    EXPECT_NE(rig.beta.grad[1], 0);
  }
}

TEST(Norm, NarrowGradientsAreRoundedToTheirLeadingBitsWithoutBias) {
  Trial t;
  t.shape = {16, 16, 4};
  t.images = 16;
  t.relu = false;
  t.grad_bits = 6;
  Rig rig(t);
  rig.delta.top = 16383;
  for (size_t e = 0; e < rig.count; ++e)
    rig.gradient[e] = e % 2 ? 700 : -700, (*rig.delta.memory)[e] = int16_t(rig.gradient[e]);
  rig.forward();
  rig.ctx.values[2].gradients = {&rig.delta};
  rig.layer->backward(rig.ctx);
  const Stream& rounded = *rig.ctx.values[1].gradients[0];  // what goes to the residual is delta as it was used
  const int step = 1 << 9;  // 16383 has 14 bits and a sign, 5 and a sign are kept
  double sum = 0;
  for (size_t e = 0; e < rig.count; ++e) {
    const int v = (*rounded.memory)[e];
    ASSERT_EQ(v % step, 0);
    ASSERT_LT(std::abs(v - rig.gradient[e]), step);
    sum += e % 2 ? v : -v;
  }
  // 16384 draws of deviation below step / 2: a mean off by 5 deviations has a chance below 1e-6.
  EXPECT_NEAR(sum / double(rig.count), 700, 5 * step / 2 / std::sqrt(double(rig.count)));
}

}  // namespace
}  // namespace subbyte
