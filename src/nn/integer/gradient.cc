#include "nn/integer/gradient.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kernels/period.h"

namespace subbyte {

int32_t shift_for(int64_t top) { return top > 0 ? std::max(0, int(std::bit_width(uint64_t(top))) - 13) : 0; }

int pair_shift(const QuantConfig& q, int bits) {
  constexpr int enough = 3;  // a fourth group lowers the variance by less than a hundredth
  return std::clamp((q.pair_groups > 0 ? q.pair_groups : enough) - 1, 0, 8 - bits);
}

namespace {

/// [images], a random bit each. Ties that always went up would add to the expectation of every element of the input
/// gradient. That is small for an element and large for the sum of a channel over the batch, by which the offsets of the
/// normalization move: they would sink until their ReLUs let nothing through.
std::vector<uint8_t> tie_directions(const Context& ctx, int node) {
  std::vector<uint8_t> down(ctx.images);
  for (int i = 0; i < ctx.images; ++i) {
    const auto words = random_words(ctx.config.seed, RandomUse::tie, uint32_t(ctx.step), uint32_t(node), uint32_t(i / 128));
    down[i] = uint8_t(words[i / 32 % 4] >> (i % 32) & 1);
  }
  return down;
}

/// The largest further shift by which a pair of range r stays within the grid.
int further_shift(int32_t range, int32_t r, int shift, int most) {
  int e = 0;
  while (e < most && (int64_t(r) << (shift + e + 1)) <= range) ++e;
  return e;
}

}  // namespace

GradientPlan plan_gradient(Context& ctx, const Stream& dy, Shape shape, int bits, int groups, int node) {
  const int channels = shape.c, sample_groups = ctx.config.quant.sample_groups;
  const int64_t elements = shape.elements();
  std::vector<int32_t> measured;
  if (dy.image_top.empty()) {
    measured.assign(size_t(ctx.images) * channels, 0);
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      PhaseTimer timer(ctx.profile, thread, node, Phase::norm_backward);
      for (int i = begin; i < end; ++i)
        ctx.quantize.channel_max(dy.image(i, elements), elements, channels, measured.data() + size_t(i) * channels);
    });
  }
  const std::vector<int32_t>& range = dy.image_top.empty() ? measured : dy.image_top;
  GradientPlan plan;
  plan.elements = elements;
  plan.samples = sample_groups;
  plan.sample.resize(ctx.images);
  std::vector<int32_t> image_top(ctx.images), channel(channels);
  ctx.quantize.fold_ranges(range.data(), ctx.images, channels, nullptr, image_top.data());
  const int32_t whole = *std::max_element(image_top.begin(), image_top.end());
  for (int i = 0; i < ctx.images; ++i) plan.sample[i] = channel_shift(whole, image_top[i], sample_groups);
  ctx.quantize.fold_ranges(range.data(), ctx.images, channels, plan.sample.data(), channel.data());
  plan.grid = make_grid(channel, dy.scale, bits, true, groups, 8);
  plan.most_pair = pair_shift(ctx.config.quant, bits);
  plan.grid.scale = std::ldexp(plan.grid.scale, -plan.most_pair);
  plan.pair.assign(range.size(), 0);
  for (int i = 0; i < ctx.images && plan.most_pair > 0; ++i)
    for (int c = 0; c < channels; ++c) {
      const size_t at = size_t(i) * channels + c;
      plan.pair[at] = uint8_t(further_shift(plan.grid.range, range[at], plan.grid.shift[c] + plan.sample[i], plan.most_pair));
    }
  plan.tie_down = tie_directions(ctx, node);
  return plan;
}

namespace {

/// Random numbers are drawn for as many elements as the first-level cache holds: whole chunks that begin at channel 0.
int64_t random_block(int channels) {
  const int64_t unit = std::lcm<int64_t>(channels, 256);
  return unit * std::max<int64_t>(1, 4096 / unit);
}

/// 16 Philox counters a chunk give 256 bytes, one an element.
int64_t random_chunks(int64_t elements) { return (elements + 255) / 256; }

}  // namespace

int64_t GradientCodes::random_size(Shape shape) {
  return std::min(random_block(shape.c), random_chunks(shape.elements()) * 256) / 2;
}

namespace {

/// The grid of one image, in `out`: every channel has its own shift.
QuantizeGrid image_grid(const GradientPlan& plan, int image, GradientCodes& out) {
  const int channels = int(plan.grid.shift.size());
  out.limit.resize(channel_period(channels));
  out.pow2.resize(out.limit.size());
  out.factor.resize(out.limit.size());
  for (int c = 0; c < channels; ++c) {
    const int shift = plan.shift(image, c);
    out.limit[c] = int16_t(plan.grid.range >> shift);
    out.pow2[c] = int16_t(1 << std::min(14, shift + plan.grid.pre_shift));  // beyond 14 only where the limit is 0
    out.factor[c] = int16_t(1 << (plan.most_pair - plan.pair[size_t(image) * channels + c]));
  }
  for (Buffer<int16_t>* constants : {&out.limit, &out.pow2, &out.factor})
    repeat_channels(constants->data(), channels, *constants);
  return {out.limit.data(), out.pow2.data(), int(out.limit.size()), plan.grid.multiplier, plan.grid.fraction};
}

}  // namespace

void quantize_gradient(const Context& ctx, const Stream& dy, const GradientPlan& plan, uint32_t tensor, int image,
                       GradientCodes& out) {
  const int64_t elements = plan.elements, chunks = random_chunks(elements);
  const QuantizeGrid grid = image_grid(plan, image, out);
  const int64_t block = random_block(int(plan.grid.shift.size()));
  out.random.resize(size_t(std::min(block, chunks * 256)) / 2);
  out.codes.resize(size_t(elements));
  const int16_t* z = dy.image(image, elements);
  for (int64_t at = 0; at < elements; at += block) {
    const int64_t count = std::min(block, elements - at);
    const uint32_t counter = uint32_t(image * chunks * 16 + at / 16);
    ctx.quantize.random(ctx.random_stream(RandomUse::gradient, tensor, counter), (count + 1) / 2, out.random.data());
    ctx.quantize.stochastic(z + at, count, grid, out.factor.data(), reinterpret_cast<const uint8_t*>(out.random.data()),
                            out.codes.data() + at);
  }
}

}  // namespace subbyte
