// Quantization of activations, and the sum of gradients where a value has two consumers.
#include <algorithm>
#include <cmath>

#include "nn/integer/grid.h"
#include "nn/integer/layer.h"

namespace subbyte {

ActivationQuantizer::ActivationQuantizer(Context& ctx, const Node& node)
    : range_(ctx.add_state(node.name + ".running_range", {node.shape.c})) {
  range_->floats.assign(node.shape.c, 0.0f);
}

void ActivationQuantizer::run(Context& ctx, Value& value, const std::vector<int32_t>& channel_max) {
  const int channels = value.shape.c;
  const int64_t elements = value.shape.elements();
  const double unit = value.stream.scale;
  Codes& codes = value.codes;
  std::vector<int32_t> r = channel_max;
  if (ctx.training) {
    if (ctx.config.quant.clip_a > 0) {
      PerThread<int64_t> energy(ctx.pool.size(), 1);
      ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
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
  codes.image_bytes = packed_bytes(elements, codes.bits);
  codes.packed.resize(size_t(codes.image_bytes) * ctx.images);
  Buffer<int16_t> limit, pow2;
  grid.constants(0, limit, pow2);
  const QuantizeGrid g{limit.data(), pow2.data(), int(limit.size()), grid.multiplier, grid.fraction};
  ctx.pool.run(ctx.images, [&](int, int begin, int end) {
    Buffer<uint8_t> bytes(size_t(elements) + 8);
    for (int i = begin; i < end; ++i) {
      ctx.quantize.nearest(value.stream.image(i, elements), elements, g, codes.zero, bytes.data());
      ctx.quantize.pack(bytes.data(), elements, codes.bits, codes.image(i));
    }
  });
}

std::shared_ptr<Stream> gather_gradients(Context& ctx, Value& value) {
  if (value.gradients.empty()) return nullptr;
  auto out = std::make_shared<Stream>();
  Stream& a = *value.gradients[0];
  if (value.gradients.size() == 1) {
    *out = std::move(a);
  } else {
    Stream& b = *value.gradients[1];
    const double bound = a.scale * a.top + b.scale * b.top;
    out->scale = bound > 0 ? bound / 16000 : 1;
    out->top = 16002;  // two roundings above the bound at most
    const Rescale ra = make_rescale(a.top, a.scale / out->scale), rb = make_rescale(b.top, b.scale / out->scale);
    const int64_t elements = value.shape.elements();
    out->memory = ctx.streams.take(elements * ctx.images);
    ctx.pool.run(ctx.images, [&](int, int begin, int end) {
      for (int i = begin; i < end; ++i)
        ctx.norm.combine(a.image(i, elements), ra.pow2, ra.multiplier, b.image(i, elements), rb.pow2, rb.multiplier, elements,
                         out->image(i, elements));
    });
    a.memory.reset();
    b.memory.reset();
  }
  value.gradients.clear();
  return out;
}

}  // namespace subbyte
