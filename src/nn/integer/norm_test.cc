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
// |y - mean| <= h + f.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>

#include "nn/integer/grid.h"
#include "nn/integer/layer.h"

namespace subbyte {
namespace {

constexpr double kappa = 1.2533141373155003;

struct Trial {
  Shape shape{4, 4, 3};
  int images = 3, threads = 1, bits = 8, grad_bits = 16, code_bits = 0;
  bool l2 = false, relu = true, residual = true;
  bool keeps_stream = true;  // somebody reads z beside its codes
  float clip_a = 100, clip_norm = 100;
  int block_groups_a = 1;
  unsigned seed = 1;
};

struct Rig {
  explicit Rig(const Trial& trial) : t(trial), random(trial.seed), ctx(config(trial)) {
    elements = size_t(t.shape.elements()), count = elements * t.images;
    ctx.states.reserve(8);
    ctx.values.resize(3);
    ctx.images = t.images;
    ctx.training = true;
    for (Value& v : ctx.values) v.shape = t.shape;
    ctx.values[2].is_signed = !t.relu;
    ctx.values[2].codes.bits = t.code_bits;
    ctx.values[2].codes.groups = 4;
    ctx.values[2].stream_readers = t.keeps_stream ? 1 : 0;
    gamma.value.resize(t.shape.c), gamma.grad.resize(t.shape.c);
    beta.value.resize(t.shape.c), beta.grad.resize(t.shape.c);
    std::normal_distribution<double> normal;
    Stream& y = ctx.values[0].stream;
    y.scale = 0.003;
    y.top = 16383;
    y.sum.assign(t.shape.c, 0), y.low.assign(t.shape.c, INT32_MAX), y.high.assign(t.shape.c, INT32_MIN);
    y.memory = ctx.memory.take(int64_t(count));
    std::vector<double> centre, spread;
    for (int c = 0; c < t.shape.c; ++c) {
      y.channel_shift.push_back(int(random() % 4));
      centre.push_back(1000 * normal(random));
      spread.push_back(std::exp2(double(random() % 24) / 2));
      gamma.value[c] = float(1 + 0.5 * normal(random));
      beta.value[c] = float(0.5 * normal(random));
    }
    for (size_t e = 0; e < count; ++e) {
      const size_t c = e % t.shape.c;
      const int v = std::clamp(int(std::lround(centre[c] + spread[c] * normal(random))), -16383, 16383);
      (*y.memory)[e] = int16_t(v);
      y.sum[c] += v, y.low[c] = std::min(y.low[c], v), y.high[c] = std::max(y.high[c], v);
    }
    input.assign(y.memory->data(), y.memory->data() + count);
    fill(ctx.values[1].stream, residual, 0.0004);
    fill(delta, gradient, 2e-6);
    layer = make_norm_layer(ctx, 2, {&gamma, &beta});
  }

  static NetworkConfig config(const Trial& t) {
    NetworkConfig config;
    config.model.nodes.resize(3);
    Node& n = config.model.nodes[2];
    n.kind = NodeKind::norm_act;
    n.name = "norm";
    n.input = 0;
    n.residual = t.residual ? 1 : -1;
    n.relu = t.relu;
    n.shape = t.shape;
    config.norm = t.l2 ? NormKind::l2 : NormKind::l1;
    config.quant.norm_bits = t.bits;
    config.quant.norm_grad_bits = t.grad_bits;
    config.quant.clip_a = t.clip_a;
    config.quant.block_groups_a = t.block_groups_a;
    config.quant.clip_norm = t.clip_norm;
    config.threads = t.threads;
    return config;
  }

  void fill(Stream& s, std::vector<int>& copy, double scale) {
    s.scale = scale;
    s.top = 1 << (4 + random() % 11);
    s.memory = ctx.memory.take(int64_t(count));
    std::uniform_int_distribution<int> value(1 - s.top, s.top - 1);
    for (size_t e = 0; e < count; ++e) copy.push_back(value(random)), (*s.memory)[e] = int16_t(copy.back());
  }

  double unit(int c) const { return std::ldexp(0.003, -channel_shift[c]); }
  void forward() {
    channel_shift = ctx.values[0].stream.channel_shift;
    layer->forward(ctx);
  }

  Trial t;
  std::mt19937 random;
  Context ctx;
  size_t elements, count;
  Param gamma, beta;
  std::unique_ptr<IntegerLayer> layer;
  std::vector<int> input, residual, gradient;
  std::vector<int32_t> channel_shift;
  Stream delta;
};

/// What one channel's formulas need, in units of the input stream.
struct Channel {
  double mean = 0, deviation = 0, fraction = 0, half_step = 0;
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
  while (k < 14 && std::ldexp(peak, k + 1) <= 32767 - (1 << (15 - rig.t.bits))) ++k;
  m.half_step = 16 - rig.t.bits > k ? std::ldexp(1.0, 15 - rig.t.bits - k) : 0;
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
    const double reach = m.half_step + m.fraction;  // how far a saved code may be off, in input units
    double g = 0, gx = 0, s = 0, size = 0, unsure = 0;
    int64_t sum = 0;
    for (size_t e = c; e < rig.count; e += t.shape.c) {
      const double x = rig.input[e] - m.mean;
      g += masked[e] / n, gx += masked[e] * x / m.deviation / n, size += std::fabs(masked[e]) / n;
      s += ((x > 0) - (x < 0)) / n, unsure += (std::fabs(x) <= reach) / n;
      sum += masked[e];
    }
    const double gx_error = size * reach / m.deviation;
    RC_ASSERT(rig.beta.grad[c] == float(double(sum) * 2e-6));
    RC_ASSERT(std::fabs(rig.gamma.grad[c] - gx * n * 2e-6) <= (gx_error * n + 1e-6 * size * n) * 2e-6);
    const double scale = m.constant ? 0 : 2e-6 * rig.gamma.value[c] / (m.deviation * rig.unit(c));
    for (size_t e = c; e < rig.count; e += t.shape.c) {
      const double d = rig.input[e] - m.mean, x = d / m.deviation, sign = (d > 0) - (d < 0);
      const double expected = scale * (masked[e] - g - (t.l2 ? x * gx : kappa * (sign - s) * gx));
      double error = 0;
      if (t.l2) error = reach / m.deviation * (std::fabs(gx) + gx_error) + std::fabs(x) * gx_error;
      else error = kappa * ((std::fabs(d) <= reach) + unsure) * (std::fabs(gx) + gx_error) + 2 * kappa * gx_error;
      const double bound = dx.scale * 3 + std::fabs(scale) * error;
      RC_ASSERT(std::fabs((*dx.memory)[e] * dx.scale - expected) <= bound * (1 + 1e-6));
      RC_ASSERT(std::abs((*dx.memory)[e]) <= dx.top);
    }
  }
}

Trial any_trial() {
  Trial t;
  t.shape = {*rc::gen::inRange(1, 8), *rc::gen::inRange(1, 8), *rc::gen::inRange(1, 41)};
  t.images = *rc::gen::inRange(2, 6);
  t.threads = *rc::gen::inRange(1, 4);
  t.bits = *rc::gen::element(8, 8, 2, 3, 4, 5, 6, 7);
  t.l2 = *rc::gen::arbitrary<bool>();
  t.relu = *rc::gen::arbitrary<bool>();
  t.residual = *rc::gen::arbitrary<bool>();
  t.seed = *rc::gen::arbitrary<uint16_t>();
  return t;
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
      const double step = peak / (1 << (t.bits - 2)) + 2 * unit;  // at least the code's step and the mean's rounding
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

TEST(Norm, SavesItsCodesAndAMaskAndHandsOnPackedActivations) {
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
TEST(Norm, RunningMeansLimitTheRangesOfCodes) {
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

TEST(Norm, CodesAreThoseOfTheStreamAlsoWhereItIsNotKept) {
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
