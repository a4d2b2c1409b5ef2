#include "nn/integer/gradient.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace subbyte {

int32_t shift_for(int64_t top) { return top > 0 ? std::max(0, int(std::bit_width(uint64_t(top))) - 13) : 0; }

int block_shift(const QuantConfig& q, int bits) {
  constexpr int enough = 4;  // with a fifth group the variance falls by less than a twentieth
  return std::clamp((q.block_groups > 0 ? q.block_groups : enough) - 1, 0, 8 - bits);
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
  plan.block = block_shift(ctx.config.quant, bits);
  plan.grid.scale = std::ldexp(plan.grid.scale, -plan.block);
  plan.limit.resize(sample_groups);
  plan.pow2.resize(sample_groups);
  for (int m = 0; m < sample_groups; ++m) plan.grid.constants(m, plan.limit[m], plan.pow2[m]);
  plan.tie_down = tie_directions(ctx, node);
  return plan;
}

namespace {

/// Random numbers are drawn for as many elements as the first-level cache holds: whole chunks of them and whole blocks.
int64_t random_block(int channels) {
  const int64_t unit = std::lcm<int64_t>(int64_t{block_rows} * block_lanes(channels), 256);
  return unit * std::max<int64_t>(1, 4096 / unit);
}

/// 16 Philox counters a chunk give 256 bytes, one an element.
int64_t random_chunks(int64_t elements) { return (elements + 255) / 256; }

}  // namespace

int64_t GradientCodes::random_size(Shape shape) {
  return std::min(random_block(shape.c), random_chunks(shape.elements()) * 256) / 2;
}

void quantize_gradient(const Context& ctx, const Stream& dy, const GradientPlan& plan, uint32_t tensor, int image,
                       GradientCodes& out, RandomUse use) {
  const int64_t elements = plan.elements, chunks = random_chunks(elements);
  const int m = plan.sample[image], channels = int(plan.grid.shift.size());
  const QuantizeGrid grid{plan.limit[m].data(), plan.pow2[m].data(), int(plan.limit[m].size()), plan.grid.multiplier,
                          plan.grid.fraction};
  const int64_t block = random_block(channels);
  out.random.resize(size_t(std::min(block, chunks * 256)) / 2);
  out.codes.resize(size_t(elements));
  const int16_t* z = dy.image(image, elements);
  const bool nearest = ctx.config.quant.round_g == Rounding::nearest;
  // One half up to the last bit: ties go up in every other image and down in the rest, since sums must not drift.
  if (nearest) out.random.fill_bytes(image % 2 ? 127 : 128);
  for (int64_t at = 0; at < elements; at += block) {
    const int64_t count = std::min(block, elements - at);
    const uint32_t counter = uint32_t(image * chunks * 16 + at / 16);
    if (!nearest) ctx.quantize.random(ctx.random_stream(use, tensor, counter), (count + 1) / 2, out.random.data());
    ctx.quantize.stochastic(z + at, count, grid, channels, plan.block, reinterpret_cast<const uint8_t*>(out.random.data()),
                            out.codes.data() + at);
  }
}

void block_shifts(const Stream& dy, const GradientPlan& plan, int image, uint8_t* out) {
  const Buffer<int16_t>& limit = plan.limit[size_t(plan.sample[image])];
  const int64_t lanes = block_lanes(int(plan.grid.shift.size())), block = lanes * block_rows;
  const int16_t* z = dy.image(image, plan.elements);
  for (int64_t at = 0; at < plan.elements; at += block)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t end = std::min(at + block, plan.elements);
      int top = 0, e = 0;
      for (int64_t i = at + lane; i < end; i += lanes) top = std::max(top, std::abs(int(z[i])));
      while (e < plan.block && top <= limit[size_t(lane) % limit.size()] >> (e + 1)) ++e;
      for (int64_t i = at + lane; i < end; i += lanes) out[i] = uint8_t(plan.block - e);
    }
}

}  // namespace subbyte
