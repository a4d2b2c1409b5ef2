#include "nn/integer/product.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/observe.h"

namespace subbyte {

namespace {

/// A sum as the product stores it.
int32_t narrowed(int32_t acc, int t) {
  return std::clamp(t ? int32_t((int64_t(acc) + (1 << (t - 1))) >> t) : acc, -stream_limit, stream_limit);
}

int automatic_groups(int configured, int room, int most = 4) {
  return configured > 0 ? configured : std::clamp(room + 1, 1, most);
}

}  // namespace

ProductGroups product_groups(const QuantConfig& q, const Format& f, const ProductShape& s, bool unsigned_input,
                             bool normalized) {
  ProductGroups groups;
  const int filters = filter_shifts(q, f.w, s.taps()).most_shift, on_weights = 8 - f.w - filters;
  const int room = on_weights + 8 - f.g - block_shift(q, f.g);
  groups.scales_w = normalized && q.groups_w == 0;
  // Shifts over blocks leave channels nothing to gain.
  groups.a = automatic_groups(q.groups_a, activation_shift(q, f.a, !unsigned_input) > 0 ? 0 : on_weights);
  if (normalized || q.groups_w > 0) {
    groups.w = std::max(q.groups_w, 1);
    // Filters' shifts stand on the same operand: both together are 3 at most, which is what hardware's shifters take.
    groups.g = automatic_groups(q.groups_g, room - (groups.w - 1), std::max(4 - filters, 1));
  } else {
    groups.g = automatic_groups(q.groups_g, on_weights);
    groups.w = automatic_groups(0, room - (groups.g - 1));
  }
  const int64_t top_w = top_weight(f.w, filters), top_x = top_activation(q, f.a, !unsigned_input), top_g = top_gradient(q, f.g);
  while (groups.a > 1 && !sums_fit(int64_t(s.taps()) * s.in.c, top_x, top_w, groups.a - 1)) --groups.a;
  while (groups.w + groups.g > 2 && !sums_fit(int64_t(s.taps()) * s.out.c, top_g, top_w, groups.w + groups.g - 2))
    --(groups.w > 1 ? groups.w : groups.g);
  return groups;
}

ProductLayer::ProductLayer(Context& ctx, int id, LayerParams params, const Format& format, bool needs_input_gradient)
    : id_(id),
      node_(ctx.config.model.nodes[id]),
      params_(params),
      format_(format),
      needs_input_gradient_(needs_input_gradient),
      is_head_(id + 1 == int(ctx.config.model.nodes.size())),
      shift_(ctx, node_.name, -1) {
  const Node& n = node_;
  shape_ = {n.kernel_h, n.kernel_w, n.stride, n.pad, ctx.values[n.input].shape, n.shape};
  if (n.kind == NodeKind::linear) shape_ = {1, 1, 1, 0, {1, 1, shape_.in.elements()}, n.shape};
  if (n.pad >= std::min(n.kernel_h, n.kernel_w) && n.pad > 0)
    throw UsageError("layer '" + n.name + "': found padding " + std::to_string(n.pad) + ", expected less than the kernel");
  const Value& input = ctx.values[n.input];
  const QuantConfig& quant = ctx.config.quant;
  const ProductGroups groups = product_groups(quant, format, shape_, !input.is_signed, !is_head_);
  scales_weights_ = groups.scales_w;
  groups_w_ = groups.w;
  groups_a_ = input.codes.groups;
  groups_g_ = groups.g;
  const int64_t top_x = top_activation(quant, format.a, input.is_signed);
  top_g_ = top_gradient(quant, format.g);
  filters_ = filter_shifts(quant, format.w, shape_.taps());
  operand_w_ = format.w + filters_.most_shift;
  top_w_ = top_weight(format.w, filters_.most_shift);
  if (!sums_fit(int64_t(shape_.taps()) * shape_.in.c, top_x, top_w_, 0) ||
      !sums_fit(int64_t(shape_.taps()) * shape_.out.c, top_g_, top_w_, 0) ||
      !sums_fit(int64_t(shape_.out.h) * shape_.out.w, top_x, top_g_, 0))
    throw UsageError("layer '" + n.name + "': sums of its products would not fit 32 bits");
  if (int64_t(shape_.out.h) * shape_.out.w > (1 << 17))
    throw UsageError("layer '" + n.name + "': found " + std::to_string(int64_t(shape_.out.h) * shape_.out.w) +
                     " output pixels, expected at most 131072");
  phases_ = backward_phases(shape_);
}

void ProductLayer::forward(Context& ctx) {
  const Value& input = ctx.values[node_.input];
  Value& out = ctx.values[id_];
  const Codes& x = input.codes;
  out.stream.memory = ctx.memory.take(int64_t(shape_.out.elements()) * ctx.images);
  if (ctx.planning()) return;
  PhaseTimer timer(ctx.profile, 0, id_, Phase::weights);
  try {
    quantize_weights({weight_kernels(ctx.isa), &ctx.pool}, *params_.weight, format_.w, scales_weights_ ? 0 : groups_w_,
                     ctx.config.quant.clip_w, filters_, weights_);
  } catch (const Error& e) {
    throw Error("layer '" + node_.name + "': " + e.what());
  }
  if (shift_.unknown(RightShift::forward))
    shift_.set(RightShift::forward,
               shift_for(int64_t(shape_.taps()) * shape_.in.c * (top_code(x.bits, x.zero != 0) << x.most_shift) *
                         top_w_ << (x.groups - 1)) / 2,
               forward_bits(x));
  const int t = shift_.at(RightShift::forward, forward_bits(x));
  // Shifts that no channel uses, and that the sums would be shifted right again: left out, operands stay small.
  const int spare = std::min(x.groups - 1 - *std::max_element(x.shift.begin(), x.shift.end()), t);
  const int finest = x.groups - 1 - spare;
  std::vector<int32_t> left(shape_.in.c);
  for (int c = 0; c < shape_.in.c; ++c) left[c] = finest - x.shift[c % x.shift.size()];  // a flattened image repeats channels
  pack_forward({weight_kernels(ctx.isa), &ctx.pool}, weights_, shape_, left, x.zero, ((1 << x.bits) - 1) << x.most_shift,
               *ctx.packed);
  timer.stop();
  out.stream.scale = std::ldexp(x.scale * weights_.scale, -finest);
  out.stream.channel_shift = weights_.shift;
  out.stream.channel_scale = weights_.channel_scale;
  forward_images(ctx, *ctx.packed, t, spare, out);
  observe_operands(ctx, id_, *params_.weight, weights_);
  observe_forward(ctx, *ctx.packed, finest);
}

int ProductLayer::forward_bits(const Codes& x) const { return x.bits + x.most_shift + x.groups - 1 + operand_w_; }

int ProductLayer::backward_bits(const GradientPlan& plan) const {
  return format_.g + plan.block + groups_g_ - 1 + operand_w_ + groups_w_ - 1;
}

TapRuns ProductLayer::forward_taps(const PackedWeights& packed) const {
  const int pixel_bytes = packed.words * 4, row_bytes = (shape_.in.w + 2 * shape_.pad) * pixel_bytes;
  std::vector<int32_t> offsets;
  for (int dy = 0; dy < shape_.kh; ++dy)
    for (int dx = 0; dx < shape_.kw; ++dx) offsets.push_back(dy * row_bytes + dx * pixel_bytes);
  return merge_taps(offsets, packed.words);
}

void ProductLayer::forward_images(Context& ctx, const PackedWeights& packed, int t, int spare, Value& out) {
  const Codes& x = ctx.values[node_.input].codes;
  const bool words = packed.dot == Dot::s16;
  const int channels = shape_.out.c, threads = ctx.pool.size();
  const int64_t out_elements = shape_.out.elements();
  const std::vector<int32_t> init = packed.init(0);
  PerThread<int64_t> sum(threads, channels);
  PerThread<int32_t> low(threads, packed.outputs, INT32_MAX), high(threads, packed.outputs, INT32_MIN);
  const TapRuns taps = forward_taps(packed);
  auto run = [&](int t) {
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      PhaseTimer timer(ctx.profile, thread, id_, Phase::forward);
      timer.work((end - begin) * out_elements * shape_.taps() * shape_.in.c,
                 (end - begin) * (x.image_bytes + 2 * out_elements));
      ThreadScratch& s = *ctx.scratch[thread];
      s.image.shape(shape_.in.h + 2 * shape_.pad, shape_.in.w + 2 * shape_.pad, shape_.pad, shape_.pad, packed.words * 4,
                    uint8_t(packed.zero));
      s.sums.resize(packed.outputs);
      int64_t* total = sum.at(thread);
      for (int i = begin; i < end; ++i) {
        place_codes(ctx, x, i, shape_.in, words, s.bytes, s.image);
        s.sums.fill_bytes(0);
        const ReadAhead ahead{x.image(i + 1), i + 1 < end ? x.image_bytes : 0};
        ctx.conv.product({s.image.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words,
                          shape_.stride * s.image.pixel_bytes, shape_.stride * s.image.row_bytes(), shape_.out.h, shape_.out.w,
                          packed.bytes.data(), packed.outputs, init.data(), packed.burst, t, channels,
                          out.stream.image(i, out_elements), channels, int64_t(shape_.out.w) * channels, s.sums.data(),
                          low.at(thread), high.at(thread), &ahead, 1},
                         packed.dot);
        for (int c = 0; c < channels; ++c) total[c] += s.sums[c];
      }
    });
  };
  t -= spare;
  run(t);
  const std::vector<int32_t> lowest = low.min(threads), highest = high.max(threads);  // of the sums before the shift
  if (ctx.training) {
    int64_t seen = 0;
    for (int c = 0; c < channels; ++c) seen = std::max({seen, int64_t(highest[c]), -int64_t(lowest[c])});
    if ((seen >> t) > stream_limit - 1) {  // would saturate: once more, exactly
      t = shift_for(seen);
      sum = PerThread<int64_t>(threads, channels);
      run(t);
    }
    shift_.set(RightShift::forward, shift_for(seen << spare), forward_bits(x));
  }
  out.stream.scale = std::ldexp(out.stream.scale, t);
  out.stream.sum = sum.sum(threads);
  out.stream.low.resize(channels);
  out.stream.high.resize(channels);
  for (int c = 0; c < channels; ++c) {
    out.stream.low[c] = narrowed(lowest[c], t);
    out.stream.high[c] = narrowed(highest[c], t);
  }
  out.stream.top = stream_limit;
}

void ProductLayer::scratch(const Context& ctx, ScratchSizes& sizes) const {
  using S = ScratchSizes;
  const ProductShape& s = shape_;
  // Bytes where the largest shifts have room in them, as pack_forward and pack_backward choose; int16 otherwise.
  const PackedSize forward = packed_size(s.in.c, s.out.c, s.taps(), operand_w_ + groups_a_ - 1 > 8);
  S::grow(sizes.packed, forward.bytes);
  S::grow(sizes.bytes, s.in.elements() + 8);
  S::grow(sizes.image, PaddedImage::size_for(s.in.h + 2 * s.pad, s.in.w + 2 * s.pad, forward.words * 4));
  S::grow(sizes.sums, forward.outputs);
  if (!ctx.training) return;
  S::grow(sizes.random, GradientCodes::random_size(s.out));
  S::grow(sizes.codes, s.out.elements());
  if (needs_input_gradient_) {
    const int beyond_weights = std::max(0, groups_g_ + groups_w_ - 2 - (8 - operand_w_));
    int taps = 0;
    for (const Phase2d& phase : phases_.phases) taps += int(phase.taps.size());
    const int bits = format_.g + block_shift(ctx.config.quant, format_.g) + beyond_weights;
    const PackedSize backward = packed_size(s.out.c, s.in.c, taps, bits > 8);
    S::grow(sizes.packed, backward.bytes);
    S::grow(sizes.gradient, PaddedImage::size_for(phases_.height, phases_.width, backward.words * 4));
  }
  const Accumulation sums = accumulation(ctx);
  const GradientOperands::Sizes operands = GradientOperands::image_sizes(s, ctx.conv.joins_rows);
  const int64_t rows = int64_t(s.taps()) * round_up(s.in.c, 4);
  if (sums.by_panel) {
    S::grow(sizes.batch_x, operands.x * ctx.images);
    S::grow(sizes.batch_g, operands.g * ctx.images);
    S::grow(sizes.dw, rows * panel_columns);
    if (sums.bound * ctx.images >= (int64_t{1} << 31)) S::grow(sizes.dw_total, rows * panel_columns);
  } else {
    const int64_t count = rows * round_up(s.out.c, 16);
    S::grow(sizes.x, operands.x * sums.group);
    S::grow(sizes.g, operands.g * sums.group);
    S::grow(sizes.dw, count);
    if (sums.late_shift || sums.bound * ctx.images >= (int64_t{1} << 31)) S::grow(sizes.dw_total, count);
  }
}

LayerInfo ProductLayer::info() const {
  LayerInfo info;
  info.name = node_.name;
  info.kind = node_kind_name(node_.kind);
  info.format = format_.name();
  info.groups = scales_weights_ ? "real" : std::to_string(groups_w_);
  info.groups += "/" + std::to_string(groups_a_) + "/" + std::to_string(groups_g_);
  info.filter_groups = filters_.most_shift + 1;
  info.output = node_.shape;
  info.parameters = int64_t(params_.weight->value.size()) + (params_.bias ? int64_t(params_.bias->value.size()) : 0);
  const int64_t weights = int64_t(params_.weight->value.size());
  info.weight_bytes = packed_bytes(weights, format_.w);
  if (filters_.most_shift > 0)
    info.weight_bytes += packed_bytes(weights / filters_.taps, std::bit_width(unsigned(filters_.most_shift)));
  return info;
}

std::unique_ptr<IntegerLayer> make_product_layer(Context& ctx, int id, LayerParams params, const Format& format,
                                                 bool needs_input_gradient) {
  return std::make_unique<ProductLayer>(ctx, id, params, format, needs_input_gradient);
}

}  // namespace subbyte
