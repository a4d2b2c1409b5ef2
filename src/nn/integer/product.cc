#include "nn/integer/product.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/period.h"

namespace subbyte {

struct ProductLayer::Scratch {
  Buffer<uint8_t> bytes;         // codes of X
  PaddedImage image, gradient;   // operands of forward or backward-weights, and of backward-data
  SlidingImage sliding;
  GradientCodes g;               // [p][co]
  Buffer<uint8_t> g_words, words_scratch;
  Buffer<int32_t> acc;           // one row of sums
  Buffer<int32_t> dw;            // [tap][n8][k16]
  std::vector<int32_t> g_sum;    // [co], shifted like dw
  std::vector<int64_t> dw_total, g_total;
  int pending = 0;               // images in dw since the last flush
};

namespace {

/// Output rows whose sums stay in the first-level cache until they are narrowed.
int block_rows(Shape shape, int outputs) { return std::clamp(4096 / (shape.w * outputs), 1, shape.h); }

int automatic_groups(int configured, int room) { return configured > 0 ? configured : std::clamp(room + 1, 1, 4); }

}  // namespace

ProductGroups product_groups(const QuantConfig& q, const Format& f, const ProductShape& s, bool unsigned_input) {
  ProductGroups groups;
  groups.a = automatic_groups(q.groups_a, 8 - f.w);
  groups.g = automatic_groups(q.groups_g, 8 - f.w);
  groups.w = automatic_groups(q.groups_w, (8 - f.w) + (8 - f.g) - (groups.g - 1));
  const int64_t top_w = top_code(f.w, true), top_x = top_code(f.a, !unsigned_input), top_g = top_code(f.g, true);
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
      is_head_(id + 1 == int(ctx.config.model.nodes.size())) {
  const Node& n = node_;
  shape_ = {n.kernel_h, n.kernel_w, n.stride, n.pad, ctx.values[n.input].shape, n.shape};
  if (n.kind == NodeKind::linear) shape_ = {1, 1, 1, 0, {1, 1, shape_.in.elements()}, n.shape};
  if (n.pad >= std::min(n.kernel_h, n.kernel_w) && n.pad > 0)
    throw UsageError("layer '" + n.name + "': found padding " + std::to_string(n.pad) + ", expected less than the kernel");
  const Value& input = ctx.values[n.input];
  const ProductGroups groups = product_groups(ctx.config.quant, format, shape_, !input.is_signed);
  groups_w_ = groups.w;
  groups_a_ = input.codes.groups;
  groups_g_ = groups.g;
  const int64_t top_x = top_code(format.a, input.is_signed);
  if (!sums_fit(int64_t(shape_.taps()) * shape_.in.c, top_x, top_code(format.w, true), 0) ||
      !sums_fit(int64_t(shape_.taps()) * shape_.out.c, top_code(format.g, true), top_code(format.w, true), 0) ||
      !sums_fit(int64_t(shape_.out.h) * shape_.out.w, top_x, top_code(format.g, true), 0))
    throw UsageError("layer '" + n.name + "': sums of its products would not fit 32 bits");
  shifts_ = ctx.add_state(n.name + ".shifts", {2});
  shifts_->ints = {-1, -1};
}

void ProductLayer::forward(Context& ctx) {
  const Value& input = ctx.values[node_.input];
  Value& out = ctx.values[id_];
  const Codes& x = input.codes;
  try {
    weights_ = quantize_weights(*params_.weight, format_.w, groups_w_, ctx.config.quant.clip_w);
  } catch (const Error& e) {
    throw Error("layer '" + node_.name + "': " + e.what());
  }
  if (shifts_->ints[0] < 0)
    shifts_->ints[0] = shift_for(int64_t(shape_.taps()) * shape_.in.c * top_code(x.bits, x.zero != 0) *
                                top_code(format_.w, true) << (x.groups - 1)) / 2;
  // Shifts that no channel uses, and that the sums would be shifted right again: left out, operands stay small.
  const int spare = std::min(x.groups - 1 - *std::max_element(x.shift.begin(), x.shift.end()), shifts_->ints[0]);
  const int finest = x.groups - 1 - spare;
  std::vector<int32_t> left(shape_.in.c);
  for (int c = 0; c < shape_.in.c; ++c) left[c] = finest - x.shift[c % x.shift.size()];  // a flattened image repeats channels
  const PackedWeights packed = pack_forward(weights_, shape_, left, x.zero, (1 << x.bits) - 1);
  std::vector<int32_t> init(packed.outputs, 0);
  for (int n = 0; n < packed.outputs; ++n) init[n] = -packed.zero * packed.column_sum[n];
  out.stream.scale = std::ldexp(x.scale * weights_.scale, -finest);
  out.stream.channel_shift = weights_.shift;
  forward_images(ctx, packed, init, spare, out);
}

void ProductLayer::forward_images(Context& ctx, const PackedWeights& packed, const std::vector<int32_t>& init, int spare,
                                  Value& out) {
  const Codes& x = ctx.values[node_.input].codes;
  const bool words = packed.dot == Dot::s16;
  const int channels = shape_.out.c;
  const int64_t in_elements = shape_.in.elements(), out_elements = shape_.out.elements();
  const int threads = ctx.pool.size();
  PerThread<int64_t> sum(threads, channels);
  PerThread<int32_t> low(threads, channels, INT32_MAX), high(threads, channels, INT32_MIN);
  PerThread<int64_t> top(threads, 1);
  out.stream.memory = ctx.streams.take(out_elements * ctx.images);
  auto run = [&](int t) {
    ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
      Scratch s;
      s.bytes.resize(size_t(in_elements) + 8);
      s.image.shape(shape_.in.h + 2 * shape_.pad, shape_.in.w + 2 * shape_.pad, packed.words * 4, uint8_t(packed.zero));
      const int rows = block_rows(shape_.out, packed.outputs);
      s.acc.resize(size_t(rows) * shape_.out.w * packed.outputs);
      std::vector<int32_t> taps;
      for (int dy = 0; dy < shape_.kh; ++dy)
        for (int dx = 0; dx < shape_.kw; ++dx) taps.push_back(dy * s.image.row_bytes() + dx * s.image.pixel_bytes);
      const NarrowStats stats{sum.at(thread), low.at(thread), high.at(thread)};
      for (int i = begin; i < end; ++i) {
        ctx.quantize.unpack(x.image(i), in_elements, x.bits, s.bytes.data());
        if (words) place_words(s.bytes.data(), x.zero, shape_.in, shape_.pad, s.image);
        else place_bytes(s.bytes.data(), shape_.in, shape_.pad, s.image);
        for (int y = 0; y < shape_.out.h; y += rows) {
          const int height = std::min(rows, shape_.out.h - y);
          for (int r = 0; r < height; ++r)
            ctx.conv.row({s.image.pixel((y + r) * shape_.stride, 0), taps.data(), int(taps.size()), packed.words,
                          shape_.stride * s.image.pixel_bytes, shape_.out.w, packed.bytes.data(), packed.outputs,
                          init.data(), s.acc.data() + int64_t(r) * shape_.out.w * packed.outputs, packed.burst},
                         packed.dot);
          const int64_t a = ctx.norm.narrow(s.acc.data(), height * shape_.out.w, channels, packed.outputs, t,
                                            out.stream.image(i, out_elements) + int64_t(y) * shape_.out.w * channels, stats);
          *top.at(thread) = std::max(*top.at(thread), a);
        }
      }
    });
  };
  int t = shifts_->ints[0] - spare;
  run(t);
  const int64_t seen = top.max(threads)[0];
  if (ctx.training) {
    if ((seen >> t) > stream_limit - 1) {  // would saturate: once more, exactly
      t = shift_for(seen);
      sum = PerThread<int64_t>(threads, channels);
      low = PerThread<int32_t>(threads, channels, INT32_MAX);
      high = PerThread<int32_t>(threads, channels, INT32_MIN);
      run(t);
    }
    shifts_->ints[0] = shift_for(seen << spare);
  }
  out.stream.scale = std::ldexp(out.stream.scale, t);
  out.stream.sum = sum.sum(threads);
  out.stream.low = low.min(threads);
  out.stream.high = high.max(threads);
  out.stream.top = stream_limit;
}

void ProductLayer::backward(Context& ctx) {
  Value& out = ctx.values[id_];
  const std::shared_ptr<Stream> dy = gather_gradients(ctx, out);
  if (!dy) throw Error("layer '" + node_.name + "': no gradient reaches it");
  const GradientPlan plan =
      plan_gradient(ctx, *dy, shape_.out, format_.g, groups_g_);
  const int threads = ctx.pool.size();
  const int64_t in_elements = shape_.in.elements();
  PackedWeights packed;
  int spare = 0;
  if (needs_input_gradient_) {
    std::vector<int32_t> left(shape_.out.c);
    if (shifts_->ints[1] < 0)
      shifts_->ints[1] = shift_for(int64_t(shape_.taps()) * shape_.out.c * top_code(format_.g, true) *
                                  top_code(format_.w, true) << (groups_g_ + groups_w_ - 2)) / 2;
    for (int c = 0; c < shape_.out.c; ++c) left[c] = plan.grid.shift[c] + weights_.shift[c];
    spare = std::min(groups_g_ + groups_w_ - 2 - *std::max_element(left.begin(), left.end()), shifts_->ints[1]);
    const int finest = groups_g_ + groups_w_ - 2 - spare;
    for (int32_t& shift : left) shift = finest - shift;
    packed = pack_backward(weights_, shape_, left, format_.g);
    dx_.memory = ctx.streams.take(in_elements * ctx.images);
    dx_.scale = std::ldexp(plan.grid.scale * weights_.scale, -finest);
    dx_.top = stream_limit;
  }
  std::vector<Scratch> scratch(threads);
  PerThread<int32_t> top(threads, 1);
  int t = shifts_->ints[1] - spare;
  auto run = [&](bool weights) {
    ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
      Scratch& s = scratch[thread];
      for (int i = begin; i < end; ++i) {
        quantize_gradient(ctx, *dy, plan, uint32_t(id_), i, s.g);
        if (weights) weight_gradient(ctx, plan, i, s);
        if (needs_input_gradient_) input_gradient(ctx, plan, packed, t, i, s, dx_.image(i, in_elements), top.at(thread));
      }
      if (weights) flush(s, 0);
    });
  };
  run(true);
  finish_weight_gradient(ctx, plan, scratch);
  if (!needs_input_gradient_) return;
  const int64_t seen = top.max(threads)[0];
  if ((seen >> t) > stream_limit - 1) {
    t = shift_for(seen);
    run(false);
  }
  dx_.scale = std::ldexp(dx_.scale, t);
  shifts_->ints[1] = shift_for(seen << spare);
  ctx.values[node_.input].gradients.push_back(&dx_);
}

void ProductLayer::input_gradient(Context& ctx, const GradientPlan& plan, const PackedWeights& packed, int shift, int image,
                                  Scratch& s, int16_t* dx, int32_t* top) {
  const bool words = packed.dot == Dot::s16;
  const int co = shape_.out.c, ci = shape_.in.c;
  s.gradient.shape(shape_.in.h + shape_.kh - 1, shape_.in.w + shape_.kw - 1, packed.words * 4, uint8_t(packed.zero));
  const int top_pad = shape_.kh - 1 - shape_.pad, left_pad = shape_.kw - 1 - shape_.pad;
  const uint8_t zero = uint8_t(packed.zero);
  std::vector<uint8_t> factor(co);
  for (int c = 0; c < co; ++c) factor[c] = uint8_t(1 << packed.operand_shift[c]);
  for (int y = 0; y < shape_.out.h; ++y)
    for (int x = 0; x < shape_.out.w; ++x) {
      const int8_t* from = s.g.codes.data() + (int64_t(y) * shape_.out.w + x) * co;
      uint8_t* to = s.gradient.pixel(y * shape_.stride + top_pad, x * shape_.stride + left_pad);
      if (words) {
        int16_t* wide = reinterpret_cast<int16_t*>(to);
        for (int c = 0; c < co; ++c) wide[c] = from[c];
      } else {
        for (int c = 0; c < co; ++c) to[c] = uint8_t(uint8_t(from[c]) * factor[c] + zero);
      }
    }
  std::vector<int32_t> taps, init(packed.outputs, 0);
  for (int dy = 0; dy < shape_.kh; ++dy)
    for (int x = 0; x < shape_.kw; ++x) taps.push_back(dy * s.gradient.row_bytes() + x * s.gradient.pixel_bytes);
  for (int n = 0; n < packed.outputs; ++n) init[n] = -packed.zero * packed.column_sum[n];
  const int rows = block_rows(shape_.in, packed.outputs);
  s.acc.resize(size_t(rows) * shape_.in.w * packed.outputs);
  const int t = shift + plan.sample[image];
  int32_t largest = 0;
  for (int y = 0; y < shape_.in.h; y += rows) {
    const int height = std::min(rows, shape_.in.h - y);
    for (int r = 0; r < height; ++r)
      ctx.conv.row({s.gradient.pixel(y + r, 0), taps.data(), int(taps.size()), packed.words, s.gradient.pixel_bytes,
                    shape_.in.w, packed.bytes.data(), packed.outputs, init.data(),
                    s.acc.data() + int64_t(r) * shape_.in.w * packed.outputs, packed.burst},
                   packed.dot);
    largest = std::max(largest, ctx.norm.narrow(s.acc.data(), height * shape_.in.w, ci, packed.outputs, t,
                                                dx + int64_t(y) * shape_.in.w * ci, {nullptr, nullptr, nullptr}));
  }
  *top = std::max(*top, largest >> plan.sample[image]);
}

void ProductLayer::weight_gradient(Context& ctx, const GradientPlan& plan, int image, Scratch& s) {
  const Codes& x = ctx.values[node_.input].codes;
  const int co = shape_.out.c, k16 = round_up(shape_.in.c, 16), n8 = round_up(co, 8), blocks = (shape_.out.w + 3) / 4;
  const int64_t elements = shape_.in.elements();
  s.bytes.resize(size_t(elements) + 8);
  s.image.shape(shape_.in.h + 2 * shape_.pad, shape_.in.w + 2 * shape_.pad, k16, uint8_t(x.zero));
  ctx.quantize.unpack(x.image(image), elements, x.bits, s.bytes.data());
  place_bytes(s.bytes.data(), shape_.in, shape_.pad, s.image);
  slide_image(ctx, s.image, shape_, s.sliding);
  s.g_words.resize(size_t(shape_.out.h) * blocks * n8 * 4);
  gradient_words(ctx, s.g.codes.data(), shape_.out, blocks, n8, s.words_scratch, s.g_words.data());
  const size_t size = size_t(shape_.taps()) * n8 * k16;
  if (s.dw_total.empty()) {
    s.dw.resize(size);
    s.dw.fill_bytes(0);
    s.dw_total.assign(size, 0);
    s.g_sum.assign(co, 0);
  }
  const int shift = plan.samples - 1 - plan.sample[image];
  const int top_x = x.zero ? 1 << (x.bits - 1) : (1 << x.bits) - 1;  // true sums; the zero point cancels modulo 2^32
  const int64_t bound = (int64_t(shape_.out.h) * shape_.out.w * top_x * top_code(format_.g, true)) << (plan.samples - 1);
  const bool late_shift = bound >= (int64_t{1} << 31);  // one image's shifted sums would not fit: shift in 64 bits
  if (!late_shift && (s.pending + 1) * bound >= (int64_t{1} << 31)) flush(s, 0);
  const int burst = int16_burst((1 << x.bits) - 1, top_code(format_.g, true));
  ctx.conv.weights_gradient({s.sliding.bytes.data(), s.sliding.tap_bytes(), s.sliding.row_bytes(), shape_.stride,
                             s.g_words.data(), shape_.out.h, blocks, shape_.kh, shape_.kw, k16, n8, late_shift ? 0 : shift,
                             s.dw.data(), burst},
                            burst > 0 ? Dot::u8s8 : Dot::u8s8_wide);
  if (x.zero) {
    std::vector<int32_t> sum(co, 0);
    for (int64_t p = 0; p < int64_t(shape_.out.h) * shape_.out.w; ++p)
      for (int c = 0; c < co; ++c) sum[c] += s.g.codes[p * co + c];
    for (int c = 0; c < co; ++c)
      s.g_sum[c] = int32_t(uint32_t(s.g_sum[c]) + (uint32_t(x.zero) * uint32_t(sum[c]) << (late_shift ? 0 : shift)));
  }
  ++s.pending;
  if (late_shift) flush(s, shift);
}

void ProductLayer::flush(Scratch& s, int shift) const {
  const int k16 = round_up(shape_.in.c, 16), n8 = round_up(shape_.out.c, 8);
  for (int tap = 0; tap < shape_.taps() && s.pending; ++tap)
    for (int n = 0; n < shape_.out.c; ++n) {
      const int64_t at = (int64_t(tap) * n8 + n) * k16;
      for (int k = 0; k < shape_.in.c; ++k) 
        s.dw_total[at + k] += int64_t(int32_t(uint32_t(s.dw[at + k]) - uint32_t(s.g_sum[n]))) * (int64_t{1} << shift);
    }
  s.dw.fill_bytes(0);
  std::fill(s.g_sum.begin(), s.g_sum.end(), 0);
  s.pending = 0;
}

void ProductLayer::finish_weight_gradient(Context& ctx, const GradientPlan& plan, std::vector<Scratch>& scratch) {
  const Codes& x = ctx.values[node_.input].codes;
  const int k16 = round_up(shape_.in.c, 16), n8 = round_up(shape_.out.c, 8), taps = shape_.taps();
  const double unit = std::ldexp(x.scale * plan.grid.scale, -(plan.samples - 1));
  float* grad = params_.weight->grad.data();
  std::vector<double> input_unit(shape_.in.c);
  for (int k = 0; k < shape_.in.c; ++k) input_unit[k] = std::ldexp(unit, -x.shift[k % x.shift.size()]);
  for (int n = 0; n < shape_.out.c; ++n) {
    const double output_unit = std::ldexp(1.0, -plan.grid.shift[n]);
    for (int tap = 0; tap < taps; ++tap)
      for (int k = 0; k < shape_.in.c; ++k) {
        const int64_t at = (int64_t(tap) * n8 + n) * k16 + k;
        int64_t sum = 0;
        for (const Scratch& s : scratch)
          if (!s.dw_total.empty()) sum += s.dw_total[at];
        grad[(int64_t(n) * taps + tap) * shape_.in.c + k] = float(double(sum) * input_unit[k] * output_unit);
      }
  }
}

LayerInfo ProductLayer::info() const {
  LayerInfo info;
  info.name = node_.name;
  info.kind = node_kind_name(node_.kind);
  info.format = format_.name();
  info.groups = std::to_string(groups_w_) + "/" + std::to_string(groups_a_) + "/" + std::to_string(groups_g_);
  info.output = node_.shape;
  info.parameters = int64_t(params_.weight->value.size()) + (params_.bias ? int64_t(params_.bias->value.size()) : 0);
  info.weight_bytes = packed_bytes(int64_t(params_.weight->value.size()), format_.w);
  return info;
}

std::unique_ptr<IntegerLayer> make_product_layer(Context& ctx, int id, LayerParams params, const Format& format,
                                                 bool needs_input_gradient) {
  return std::make_unique<ProductLayer>(ctx, id, params, format, needs_input_gradient);
}

}  // namespace subbyte
