// Quantization of activations, and the sum of gradients where a value has two consumers.
#include <algorithm>
#include <cmath>

#include "nn/integer/grid.h"
#include "nn/integer/layer.h"

namespace subbyte {

ActivationQuantizer::ActivationQuantizer(Context& ctx, const Node& node)
    : range_(ctx.add_state(node.name + ".running_range", {node.shape.c})) {
  for (const Node& n : ctx.config.model.nodes)
    if (&n - ctx.config.model.nodes.data() > 0 && n.name == node.name) node_ = int(&n - ctx.config.model.nodes.data());
  range_->floats.assign(node.shape.c, 0.0f);
}

void ActivationQuantizer::plan(Context& ctx, Value& value, const std::vector<int32_t>& channel_max) {
  const int channels = value.shape.c;
  const int64_t elements = value.shape.elements();
  const double unit = value.stream.scale;
  Codes& codes = value.codes;
  codes.image_bytes = packed_bytes(elements, codes.bits);
  codes.packed.clear();
  codes.packed = ctx.memory.take(BlockUse::codes, codes.image_bytes * ctx.images);
  if (ctx.planning()) return;
  std::vector<int32_t> r = channel_max;
  if (ctx.training) {
    if (ctx.config.quant.clip_a > 0) {
      PerThread<int64_t> energy(ctx.pool.size(), 1);
      ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
        for (int i = begin; i < end; ++i)
          *energy.at(thread) += ctx.quantize.energy(value.stream.image(i, elements), elements);
      });
      const double mean = double(energy.sum(ctx.pool.size())[0]) / (double(elements) * ctx.images);
      const double cap = std::ceil(ctx.config.quant.clip_a * std::sqrt(mean));
      for (int32_t& v : r) v = int32_t(std::min<double>(v, cap));
    }
    for (int c = 0; c < channels; ++c) range_->floats[c] = ctx.running(range_->floats[c], r[c] * unit);
  } else {
    for (int c = 0; c < channels; ++c) r[c] = int32_t(std::min(32767.0, std::floor(range_->floats[c] / unit + 0.5)));
  }
  const Grid grid = make_grid(r, unit, codes.bits, value.is_signed, codes.groups);
  codes.scale = grid.scale;
  codes.shift = grid.shift;
  codes.zero = value.is_signed ? 1 << (codes.bits - 1) : 0;
  grid.constants(0, limit_, pow2_);
  grid_ = {limit_.data(), pow2_.data(), int(limit_.size()), grid.multiplier, grid.fraction};
}

void ActivationQuantizer::image(const Context& ctx, Value& value, int index, const int16_t* z) const {
  ctx.quantize.nearest_packed(z, value.shape.elements(), grid_, value.codes.zero, value.codes.bits, value.codes.image(index));
}

NormCodes ActivationQuantizer::image_codes(const Context& ctx, Value& value, int index) const {
  return {grid_, value.codes.zero, value.codes.bits, value.codes.image(index), ctx.quantize.nearest_packed};
}

void ActivationQuantizer::run(Context& ctx, Value& value, const std::vector<int32_t>& channel_max) {
  plan(ctx, value, channel_max);
  if (ctx.planning()) return;
  const int64_t elements = value.shape.elements();
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, node_, Phase::quantize);
    timer.work(0, (end - begin) * (2 * elements + value.codes.image_bytes));
    for (int i = begin; i < end; ++i) image(ctx, value, i, value.stream.image(i, elements));
  });
}

GradientJoin join_gradients(Stream& a, Stream& b, Stream& out) {
  const double bound = a.scale * a.top + b.scale * b.top;
  out.scale = bound > 0 ? bound / 16000 : 1;
  out.top = 16002;  // two roundings above the bound at most
  out.memory = b.memory;  // in place
  return {&a, &b, make_rescale(a.top, a.scale / out.scale), make_rescale(b.top, b.scale / out.scale)};
}

void GradientJoin::run(const Context& ctx, int image, int64_t elements, int16_t* out) const {
  ctx.norm.combine(a->image(image, elements), scale_a.pow2, scale_a.multiplier, b->image(image, elements), scale_b.pow2,
                   scale_b.multiplier, elements, out);
}

std::shared_ptr<Stream> gather_gradients(Context& ctx, Value& value) {
  if (value.gradients.empty()) return nullptr;
  auto out = std::make_shared<Stream>();
  if (value.gradients.size() == 1) {
    *out = std::move(*value.gradients[0]);
  } else {
    const GradientJoin join = join_gradients(*value.gradients[0], *value.gradients[1], *out);
    const int64_t elements = value.shape.elements();
    if (!ctx.planning()) ctx.pool.share(ctx.images, [&](int, int begin, int end) {
      for (int i = begin; i < end; ++i) join.run(ctx, i, elements, out->image(i, elements));
    });
    join.a->memory.reset();
    join.b->memory.reset();
  }
  value.gradients.clear();
  return out;
}

}  // namespace subbyte
