// Quantization of activations, and the sum of gradients where a value has two consumers.
#include <algorithm>
#include <cmath>

#include "kernels/period.h"
#include "nn/integer/activation_blocks.h"
#include "nn/integer/layer.h"

namespace subbyte {

namespace {

/// Every so many images stand for the batch's mean squares: every 8th where that leaves a channel 1,024 elements.
int energy_stride(int images, int64_t pixels) { return int(std::clamp<int64_t>(images * pixels / 1024, 1, 8)); }

}  // namespace

ActivationQuantizer::ActivationQuantizer(Context& ctx, const Node& node)
    : range_(ctx.add_state(node.name + ".running_range", {node.shape.c})) {
  for (const Node& n : ctx.config.model.nodes)
    if (&n - ctx.config.model.nodes.data() > 0 && n.name == node.name) node_ = int(&n - ctx.config.model.nodes.data());
  range_->floats.assign(node.shape.c, 0.0f);
  const Value& value = ctx.values[node_];
  most_shift_ = activation_shift(ctx.config.quant, value.codes.bits, value.is_signed, value.shape.c);
  clip_ = ctx.config.quant.activation_clip(value.codes.bits, most_shift_ > 0);
  if (clip_ == 0) return;
  energy_ = ctx.add_state(node.name + ".running_energy", {node.shape.c});
  energy_->floats.assign(node.shape.c, -1.0f);  // unknown
  magnitude_ = ctx.add_state(node.name + ".running_magnitude", {node.shape.c});
  magnitude_->floats.assign(node.shape.c, 0.0f);
}

void ActivationQuantizer::begin_energy(const Context& ctx, int64_t pixels, int channels) {
  if (!limits(ctx)) return;
  stride_ = energy_stride(ctx.images, pixels);
  energies_ = PerThread<int64_t>(ctx.pool.size(), channels);
  magnitudes_ = PerThread<int64_t>(ctx.pool.size(), channels);
  zeros_.resize(size_t(channel_period(channels)));
}

void ActivationQuantizer::add_energy(const Context& ctx, int thread, int index, int64_t elements, int channels,
                                     const int16_t* z) {
  if (!counts(ctx, index)) return;
  ctx.norm.deviation(z, elements, channels, zeros_.data(), true, energies_.at(thread));
  ctx.norm.deviation(z, elements, channels, zeros_.data(), false, magnitudes_.at(thread));
}

void ActivationQuantizer::finish_energy(const Context& ctx, int64_t pixels, double unit) {
  if (!limits(ctx)) return;
  const std::vector<int64_t> squares = energies_.sum(ctx.pool.size()), sizes = magnitudes_.sum(ctx.pool.size());
  const double n = double(pixels) * ((ctx.images + stride_ - 1) / stride_);
  for (size_t c = 0; c < squares.size(); ++c) {
    const bool first = energy_->floats[c] < 0;
    const double square = double(squares[c]) / n * unit * unit, size = double(sizes[c]) / n * unit;
    energy_->floats[c] = first ? float(square) : ctx.running(energy_->floats[c], square);
    magnitude_->floats[c] = first ? float(size) : ctx.running(magnitude_->floats[c], size);
  }
}

bool ActivationQuantizer::limits(const Context& ctx) const { return ctx.training && energy_; }
bool ActivationQuantizer::counts(const Context& ctx, int index) const { return limits(ctx) && index % stride_ == 0; }

void ActivationQuantizer::plan(Context& ctx, Value& value, const std::vector<int32_t>& channel_max) {
  const int channels = value.shape.c;
  const double unit = value.stream.scale;
  Codes& codes = value.codes;
  codes.most_shift = most_shift_;
  codes.image_bytes = activation_bytes(value.shape, codes.bits, most_shift_);
  codes.packed.clear();
  codes.packed = ctx.memory.take(BlockUse::codes, codes.image_bytes * ctx.images);
  if (ctx.planning()) return;
  std::vector<int32_t> r = channel_max;
  if (ctx.training) {
    for (int c = 0; c < channels; ++c) {
      if (limits(ctx) && energy_->floats[c] >= 0) {
        const double size = magnitude_->floats[c], most = size > 0 ? clip_ * energy_->floats[c] / size : 0;
        r[c] = int32_t(std::min<double>(r[c], std::ceil(most / unit)));
      }
      range_->floats[c] = ctx.running(range_->floats[c], r[c] * unit);
    }
  } else {
    for (int c = 0; c < channels; ++c) r[c] = int32_t(std::min(32767.0, std::floor(range_->floats[c] / unit + 0.5)));
  }
  if (clip_ > 0 && !has_blocks()) {  // the nearest octave: half of one clipped costs no more than steps that much wider
    const int32_t most = *std::max_element(r.begin(), r.end());
    for (int32_t& v : r)
      if (v * std::sqrt(2.0) < most) v = int32_t(v / std::sqrt(2.0));
  }
  const Grid grid = make_grid(r, unit, codes.bits, value.is_signed, codes.groups);
  codes.scale = std::ldexp(grid.scale, -most_shift_);
  codes.shift = grid.shift;
  codes.zero = value.is_signed ? 1 << (codes.bits - 1) : 0;
  grid.constants(0, limit_, pow2_);
  grid_ = {limit_.data(), pow2_.data(), int(limit_.size()), grid.multiplier, grid.fraction};
}

double ActivationQuantizer::shifting_unit(const Value& value, double bound, double limit) const {
  const double range = *std::max_element(range_->floats.begin(), range_->floats.end());
  const int bits = value.codes.bits;
  if (!(range > 0) || !(bound > 0)) return bound > 0 ? bound / limit : 1;
  // make_grid then has a multiplier of 2^14, for its range is a code times a power of two.
  const double code = range / top_code(bits, value.is_signed);
  int fraction = value.is_signed ? 15 - bits : 14 - bits;
  while (bound > std::ldexp(code, -fraction) * limit) --fraction;
  return std::ldexp(code, -fraction);
}

void ActivationQuantizer::image(const Context& ctx, Value& value, int index, const int16_t* z) const {
  const int64_t elements = value.shape.elements();
  uint8_t* const packed = value.codes.image(index);
  const int bits = value.codes.bits;
  if (!has_blocks()) return ctx.quantize.nearest_packed(z, elements, grid_, value.codes.zero, bits, packed);
  uint8_t* const shifts = packed + packed_bytes(elements, bits);
  ctx.quantize.nearest_blocks(z, elements, grid_, value.shape.c, most_shift_, bits, packed, shifts);
}

NormCodes ActivationQuantizer::image_codes(const Context& ctx, Value& value, int index) const {
  return {grid_, value.codes.zero, value.codes.bits, value.codes.image(index), ctx.quantize.nearest_packed};
}

void ActivationQuantizer::run(Context& ctx, Value& value, const std::vector<int32_t>& channel_max) {
  const int64_t elements = value.shape.elements();
  const int channels = value.shape.c;
  if (!ctx.planning() && limits(ctx)) {
    begin_energy(ctx, elements / channels, channels);
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      for (int i = begin; i < end; ++i) add_energy(ctx, thread, i, elements, channels, value.stream.image(i, elements));
    });
    finish_energy(ctx, elements / channels, value.stream.scale);
  }
  plan(ctx, value, channel_max);
  if (ctx.planning()) return;
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
