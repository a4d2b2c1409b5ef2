// Pools on int16 streams, forward and backward, against plain loops over the windows.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "nn/integer/layer.h"

namespace subbyte {
namespace {

struct Trial {
  NodeKind kind = NodeKind::max_pool;
  int kernel_h = 2, kernel_w = 2, stride = 2, pad = 0;
  Shape in, out;
  int images = 2, threads = 1;
  unsigned seed = 1;
};

Trial any_trial(NodeKind kind) {
  Trial t;
  t.kind = kind;
  t.kernel_h = *rc::gen::inRange(1, 5);
  t.kernel_w = *rc::gen::inRange(1, 5);
  t.stride = *rc::gen::inRange(1, 4);
  t.pad = kind == NodeKind::max_pool ? *rc::gen::inRange(0, std::min(t.kernel_h, t.kernel_w)) : 0;
  t.in = {*rc::gen::inRange(t.kernel_h, 12), *rc::gen::inRange(t.kernel_w, 12), *rc::gen::inRange(1, 20)};
  if (kind == NodeKind::global_avg_pool) t.kernel_h = t.in.h, t.kernel_w = t.in.w, t.stride = 1;
  t.out = {(t.in.h + 2 * t.pad - t.kernel_h) / t.stride + 1, (t.in.w + 2 * t.pad - t.kernel_w) / t.stride + 1, t.in.c};
  t.images = *rc::gen::inRange(1, 5);
  t.threads = *rc::gen::inRange(1, 4);
  t.seed = *rc::gen::arbitrary<uint16_t>();
  return t;
}

/// Node 0 holds a stream, node 1 is the pool, with random values of few levels (so that maxima tie) or of full range.
struct Rig {
  explicit Rig(const Trial& trial) : t(trial), random(trial.seed), ctx(config(trial)) {
    ctx.values.resize(2);
    ctx.images = t.images;
    ctx.training = true;
    ctx.values[0].shape = t.in;
    ctx.values[1].shape = t.out;
    layer = t.kind == NodeKind::max_pool ? make_max_pool_layer(ctx, 1) : make_average_pool_layer(ctx, 1);
    const int levels = t.seed % 2 ? 4 : 16383;
    fill(ctx.values[0].stream, t.in, 0.25, levels);
    fill(delta, t.out, 3.0, 16383);
  }

  static NetworkConfig config(const Trial& t) {
    NetworkConfig config;
    config.model.nodes.resize(2);
    Node& n = config.model.nodes[1];
    n.kind = t.kind;
    n.name = "pool";
    n.input = 0;
    n.stride = t.stride;
    n.pad = t.pad;
    if (t.kind != NodeKind::global_avg_pool) n.kernel_h = t.kernel_h, n.kernel_w = t.kernel_w;
    n.shape = t.out;
    config.threads = t.threads;
    return config;
  }

  void fill(Stream& stream, Shape shape, double scale, int levels) {
    stream.scale = scale;
    stream.top = 16383;
    stream.memory = ctx.memory.take(int64_t(shape.elements()) * t.images);
    std::uniform_int_distribution<int> value(-levels, levels);
    for (int64_t e = 0; e < int64_t(shape.elements()) * t.images; ++e) (*stream.memory)[e] = int16_t(value(random));
  }

  /// f(input element, output element) over the windows, in the windows' order.
  template <class F>
  void windows(F f) const {
    for (int i = 0; i < t.images; ++i)
      for (int y = 0; y < t.out.h; ++y)
        for (int x = 0; x < t.out.w; ++x)
          for (int dy = 0; dy < t.kernel_h; ++dy)
            for (int dx = 0; dx < t.kernel_w; ++dx)
              for (int c = 0; c < t.in.c; ++c) {
                const int iy = y * t.stride - t.pad + dy, ix = x * t.stride - t.pad + dx;
                if (iy >= 0 && ix >= 0 && iy < t.in.h && ix < t.in.w)
                  f(((size_t(i) * t.in.h + iy) * t.in.w + ix) * t.in.c + c,
                    ((size_t(i) * t.out.h + y) * t.out.w + x) * t.in.c + c);
              }
  }

  Trial t;
  std::mt19937 random;
  Context ctx;
  std::unique_ptr<IntegerLayer> layer;
  Stream delta;
};

/// The power of two by which integer sums of `unit` became a stream of `scale`; checks that it is one.
int power(double scale, double unit) {
  int k = 0;
  RC_ASSERT(std::frexp(scale / unit, &k) == 0.5);
  return k - 1;
}

/// Backward: the sums of `sums` (in units of `unit`), rounded half up to the stream's scale, none clipped.
void check_gradient(Rig& rig, const std::vector<int64_t>& sums, double unit) {
  RC_ASSERT(rig.ctx.values[0].gradients.size() == 1u);
  const Stream& dx = *rig.ctx.values[0].gradients[0];
  // Overlapping windows need room, so the scale grows, but by no more than the largest overlap of such windows asks for.
  const int k = power(dx.scale, unit);
  const auto windows = [&](int kernel) { return (kernel + rig.t.stride - 1) / rig.t.stride; };
  const int overlap = windows(rig.t.kernel_h) * windows(rig.t.kernel_w);
  RC_ASSERT(1 << k >= overlap && 1 << k < 2 * overlap);
  for (size_t e = 0; e < sums.size(); ++e) {
    RC_ASSERT(std::abs((*dx.memory)[e]) <= dx.top);
    RC_ASSERT(int64_t((*dx.memory)[e]) == int64_t(std::floor(std::ldexp(double(sums[e]), -k) + 0.5)));
  }
}

TEST(MaxPool, TakesTheMaximumAndSendsItsGradientToTheFirst) {
  EXPECT_TRUE(rc::check("max_pool", [] {
    Rig rig(any_trial(NodeKind::max_pool));
    const Buffer<int16_t>& x = *rig.ctx.values[0].stream.memory;
    std::vector<int> best(size_t(rig.t.out.elements()) * rig.t.images, INT32_MIN);
    std::vector<size_t> where(best.size());
    rig.windows([&](size_t in, size_t out) {
      if (x[in] > best[out]) best[out] = x[in], where[out] = in;
    });
    rig.layer->forward(rig.ctx);
    const Stream& y = rig.ctx.values[1].stream;
    RC_ASSERT(y.scale == 0.25);
    for (size_t e = 0; e < best.size(); ++e) {
      RC_ASSERT(int((*y.memory)[e]) == best[e]);
      RC_ASSERT(std::abs(best[e]) <= y.top);
    }
    std::vector<int64_t> sums(size_t(rig.t.in.elements()) * rig.t.images, 0);
    for (size_t e = 0; e < best.size(); ++e) sums[where[e]] += (*rig.delta.memory)[e];
    rig.ctx.values[1].gradients = {&rig.delta};
    rig.layer->backward(rig.ctx);
    check_gradient(rig, sums, 3.0);
  }));
}

void check_average(NodeKind kind) {
  Rig rig(any_trial(kind));
  const int window = rig.t.kernel_h * rig.t.kernel_w;
  const Buffer<int16_t>& x = *rig.ctx.values[0].stream.memory;
  std::vector<int64_t> sums(size_t(rig.t.out.elements()) * rig.t.images, 0);
  rig.windows([&](size_t in, size_t out) { sums[out] += x[in]; });
  rig.layer->forward(rig.ctx);
  const Stream& y = rig.ctx.values[1].stream;
  const int k = power(y.scale, 0.25 / window);
  RC_ASSERT(1 << k >= window && 1 << k < 2 * window);  // no sum clips, less than a bit is lost
  for (size_t e = 0; e < sums.size(); ++e) {
    RC_ASSERT(int64_t((*y.memory)[e]) == int64_t(std::floor(std::ldexp(double(sums[e]), -k) + 0.5)));
    RC_ASSERT(std::abs((*y.memory)[e]) <= y.top);
  }
  std::vector<int64_t> back(size_t(rig.t.in.elements()) * rig.t.images, 0);
  rig.windows([&](size_t in, size_t out) { back[in] += (*rig.delta.memory)[out]; });
  rig.ctx.values[1].gradients = {&rig.delta};
  rig.layer->backward(rig.ctx);
  check_gradient(rig, back, 3.0 / window);
}

TEST(AveragePool, IsTheMeanOfItsWindowRoundedOnce) {
  EXPECT_TRUE(rc::check("avg_pool", [] { check_average(NodeKind::avg_pool); }));
}

TEST(AveragePool, GlobalIsTheMeanOfTheImage) {
  EXPECT_TRUE(rc::check("global_avg_pool", [] { check_average(NodeKind::global_avg_pool); }));
}

TEST(MaxPool, SavesPositionsOfTheWindowAlone) {
  Trial t;
  t.in = {8, 8, 16};
  t.out = {4, 4, 16};
  EXPECT_EQ(Rig(t).layer->info().saved_bytes_per_image, 4 * 4 * 16 / 4);  // two bits say which of four
  t.kernel_h = t.kernel_w = 3;
  t.out = {3, 3, 16};
  EXPECT_EQ(Rig(t).layer->info().saved_bytes_per_image, 3 * 3 * 16 / 2);  // four bits say which of nine
  t.kernel_h = 17;
  t.kernel_w = 16;
  EXPECT_THROW(Rig{t}, UsageError);
}

}  // namespace
}  // namespace subbyte
