// A normalization layer alone, on random streams of every channel's own mean and spread.
#pragma once
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>

#include "nn/integer/layer.h"

namespace subbyte::norm_rig {

struct Trial {
  Shape shape{4, 4, 3};
  int images = 3, threads = 1, bits = 8, saved_bits = 8, grad_bits = 16, code_bits = 0;
  bool l2 = false, relu = true, residual = true;
  bool keeps_stream = true;  // somebody reads z beside its codes
  float clip_a = 100, clip_norm = 100;
  int block_groups_a = 1;
  unsigned seed = 1;
};

/// How a trial's codes are saved.
inline SavedNormCode saved_code(const Trial& t) {
  const int bits = std::min(t.bits, t.saved_bits);
  return {t.bits, bits, bits < t.bits && t.relu && !t.residual};
}
/// Its largest code.
inline int top_code(const Trial& t) { return t.saved_bits < t.bits ? saved_code(t).top() : (1 << (t.bits - 1)) - 1; }

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
    config.quant.norm_saved_bits = t.saved_bits;
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

inline Trial any_trial() {
  Trial t;
  t.shape = {*rc::gen::inRange(1, 8), *rc::gen::inRange(1, 8), *rc::gen::inRange(1, 41)};
  t.images = *rc::gen::inRange(2, 6);
  t.threads = *rc::gen::inRange(1, 4);
  t.bits = *rc::gen::element(8, 8, 2, 3, 4, 5, 6, 7);
  t.saved_bits = *rc::gen::element(8, 8, 3, 4, 5, 6, 7);
  t.l2 = *rc::gen::arbitrary<bool>();
  t.relu = *rc::gen::arbitrary<bool>();
  t.residual = *rc::gen::arbitrary<bool>();
  t.seed = *rc::gen::arbitrary<uint16_t>();
  return t;
}

}  // namespace subbyte::norm_rig
