// A normalization takes the last contribution to its gradient image by image from the product that computes it. That must
// give the bits of the pass over the finished gradient, also where the product finds its shift too small and runs again.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>

#include "nn/integer/product.h"

namespace subbyte {
namespace {

struct Trial {
  Shape shape;
  int kernel = 3, stride = 1, readers = 1, images = 2, threads = 1, norm_bits = 8, grad_bits = 16, draws = 1;
  bool l2 = false, relu = true, residual = false, runs_again = false;
  Format format;
  unsigned seed = 1;
};

/// Node 1 normalizes node 0 (and adds node 4), nodes 2 and 3 are convolutions that read it.
struct Chain {
  Chain(const Trial& trial, bool with_sink) : t(trial), random(trial.seed), ctx(config(trial)) {
    ctx.states.reserve(16);
    ctx.values.resize(5);
    ctx.images = t.images;
    ctx.training = true;
    for (int v : {0, 1, 4}) ctx.values[v].shape = t.shape;
    Value& z = ctx.values[1];
    z.is_signed = !t.relu;
    z.codes.bits = t.format.a;
    z.codes.groups = 2;
    z.first_reader = 2;
    fill(ctx.values[0].stream, 16383);
    Stream& y = ctx.values[0].stream;
    y.sum.assign(t.shape.c, 0), y.low.assign(t.shape.c, INT32_MAX), y.high.assign(t.shape.c, INT32_MIN);
    for (int64_t e = 0; e < int64_t(t.shape.elements()) * t.images; ++e) {
      const int32_t v = (*y.memory)[e];
      const int c = int(e % t.shape.c);
      y.sum[c] += v, y.low[c] = std::min(y.low[c], v), y.high[c] = std::max(y.high[c], v);
    }
    fill(ctx.values[4].stream, 5000);
    for (Param* p : {&gamma, &beta}) p->value = values(t.shape.c), p->grad.resize(t.shape.c);
    norm = make_norm_layer(ctx, 1, {&gamma, &beta});
    if (!with_sink) z.sink = nullptr;
    for (int i = 0; i < t.readers; ++i) {
      const Shape out = ctx.config.model.nodes[2 + i].shape;
      ctx.values[2 + i].shape = out;
      weight[i].name = "weight";
      weight[i].shape = {out.c, t.kernel, t.kernel, t.shape.c};
      weight[i].value = values(out.c * t.kernel * t.kernel * t.shape.c);
      weight[i].grad.resize(weight[i].value.size());
      reader[i] = make_product_layer(ctx, 2 + i, {&weight[i], nullptr}, t.format, true);
      fill(dy[i], 16383);
    }
    if (t.runs_again)
      for (State& s : ctx.states)
        if (s.name.ends_with(".shifts")) s.ints[1] = 0;
    norm->forward(ctx);
    for (int i = 0; i < t.readers; ++i) reader[i]->forward(ctx);
    for (int i = t.readers - 1; i >= 0; --i) {  // the first reader comes last
      ctx.values[2 + i].gradients = {&dy[i]};
      reader[i]->backward(ctx);
    }
    norm->backward(ctx);
  }

  static NetworkConfig config(const Trial& t) {
    NetworkConfig config;
    std::vector<Node>& nodes = config.model.nodes;
    nodes.resize(5);
    for (Node& n : nodes) n.shape = t.shape;
    nodes[1].kind = NodeKind::norm_act;
    nodes[1].name = "norm";
    nodes[1].input = 0;
    nodes[1].residual = t.residual ? 4 : -1;
    nodes[1].relu = t.relu;
    for (int i : {2, 3}) {
      Node& n = nodes[i];
      n.kind = NodeKind::conv;
      n.name = i == 2 ? "conv2" : "conv3";
      n.input = 1;
      n.kernel_h = n.kernel_w = t.kernel;
      n.stride = t.stride;
      n.pad = t.kernel / 2;
      n.shape = {(t.shape.h - 1) / t.stride + 1, (t.shape.w - 1) / t.stride + 1, 5};
    }
    nodes[4].name = "residual";
    config.norm = t.l2 ? NormKind::l2 : NormKind::l1;
    config.quant.norm_bits = t.norm_bits;
    config.quant.norm_grad_bits = t.grad_bits;
    config.quant.draws_g = t.draws;
    config.format = t.format;
    config.threads = t.threads;
    return config;
  }

  std::vector<float> values(int count) {
    std::normal_distribution<float> normal;
    std::vector<float> all;
    for (int i = 0; i < count; ++i) all.push_back(normal(random));
    return all;
  }
  void fill(Stream& s, int top) {
    const Shape shape = &s == &dy[0] || &s == &dy[1] ? ctx.config.model.nodes[2].shape : t.shape;
    std::uniform_int_distribution<int> value(-top, top);
    s.scale = 0.001;
    s.top = top;
    s.memory = ctx.memory.take(int64_t(shape.elements()) * t.images);
    for (int64_t e = 0; e < int64_t(shape.elements()) * t.images; ++e) (*s.memory)[e] = int16_t(value(random));
  }

  Trial t;
  std::mt19937 random;
  Context ctx;
  Param gamma, beta, weight[2];
  std::unique_ptr<IntegerLayer> norm, reader[2];
  Stream dy[2];
};

void require_same_stream(const Stream& found, const Stream& expected, int64_t count) {
  RC_ASSERT(found.scale == expected.scale);
  RC_ASSERT(found.top == expected.top);
  RC_ASSERT(found.image_top == expected.image_top);
  RC_ASSERT(std::equal(found.memory->data(), found.memory->data() + count, expected.memory->data()));
}

TEST(GradientSink, GivesTheBitsOfAPassOverTheFinishedGradient) {
  EXPECT_TRUE(rc::check("one reader or two, residual, a product that runs again", [] {
    Trial t;
    t.shape = {*rc::gen::inRange(3, 8), *rc::gen::inRange(3, 8), *rc::gen::inRange(1, 40)};
    t.kernel = *rc::gen::element(1, 3);
    t.stride = *rc::gen::element(1, 2);
    t.readers = *rc::gen::element(1, 2);
    t.images = *rc::gen::inRange(1, 6);
    t.threads = *rc::gen::inRange(1, 4);
    t.norm_bits = *rc::gen::element(8, 4, 3);
    t.grad_bits = *rc::gen::element(16, 16, 8);
    t.draws = *rc::gen::element(1, 1, 2);
    t.l2 = *rc::gen::arbitrary<bool>();
    t.relu = *rc::gen::arbitrary<bool>();
    t.residual = *rc::gen::arbitrary<bool>();
    t.runs_again = *rc::gen::arbitrary<bool>();
    t.format = Format::parse(*rc::gen::element<std::string>("w4a4g4", "w8a8g8", "w2a3g5"));
    t.seed = *rc::gen::arbitrary<uint16_t>();
    Chain expected(t, false), found(t, true);
    const int64_t count = int64_t(t.shape.elements()) * t.images;
    RC_ASSERT(found.ctx.values[0].gradients.size() == 1u);
    RC_ASSERT(found.ctx.values[1].gradients.empty());
    require_same_stream(*found.ctx.values[0].gradients[0], *expected.ctx.values[0].gradients[0], count);
    if (t.residual) require_same_stream(*found.ctx.values[4].gradients.at(0), *expected.ctx.values[4].gradients.at(0), count);
    RC_ASSERT(found.gamma.grad == expected.gamma.grad);
    RC_ASSERT(found.beta.grad == expected.beta.grad);
    for (int i = 0; i < t.readers; ++i) RC_ASSERT(found.weight[i].grad == expected.weight[i].grad);
    for (size_t i = 0; i < found.ctx.states.size(); ++i) RC_ASSERT(found.ctx.states[i].ints == expected.ctx.states[i].ints);
  }));
}

}  // namespace
}  // namespace subbyte
