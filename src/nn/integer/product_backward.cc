// Backward of a product: one quantized copy of the output gradient feeds backward-data and backward-weights.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/prefetch.h"
#include "kernels/period.h"
#include "nn/integer/product.h"

namespace subbyte {

ProductLayer::Backward ProductLayer::plan_backward(Context& ctx, const Stream& dy) {
  Backward b;
  b.plan = plan_gradient(ctx, dy, shape_.out, format_.g, groups_g_, id_);
  const Codes& x = ctx.values[node_.input].codes;
  const int64_t pixels = int64_t(shape_.out.h) * shape_.out.w;
  const int top_x = x.zero ? 1 << (x.bits - 1) : (1 << x.bits) - 1;  // true sums; the zero point cancels modulo 2^32
  b.bound = (pixels * top_x * top_code(format_.g, true)) << (b.plan.samples - 1);
  b.zero = x.zero;
  b.late_shift = b.bound >= (int64_t{1} << 31);
  // Enough pixels that adding a register tile to memory costs little, and operands that stay in the second-level cache.
  const int64_t fit = b.late_shift ? 1 : ((int64_t{1} << 31) - 1) / b.bound;
  b.group = int(std::clamp<int64_t>(std::min(fit, 1024 / pixels), 1, 16));
  if (!needs_input_gradient_) return b;

  PhaseTimer timer(ctx.profile, 0, id_, Phase::weights);
  if (shifts_->ints[1] < 0)
    shifts_->ints[1] = shift_for(int64_t(shape_.taps()) * shape_.out.c * top_code(format_.g, true) *
                                top_code(format_.w, true) << (groups_g_ + groups_w_ - 2)) / 2;
  std::vector<int32_t> left(shape_.out.c);
  for (int c = 0; c < shape_.out.c; ++c) left[c] = b.plan.grid.shift[c] + weights_.shift[c];
  b.spare = std::min(groups_g_ + groups_w_ - 2 - *std::max_element(left.begin(), left.end()), shifts_->ints[1]);
  const int finest = groups_g_ + groups_w_ - 2 - b.spare;
  for (int32_t& shift : left) shift = finest - shift;
  std::vector<std::vector<int>> sets;
  for (const Phase2d& phase : phases_.phases) sets.push_back(phase.taps);
  pack_backward({weight_kernels(ctx.isa), &ctx.pool}, weights_, shape_, left, format_.g, sets, packed_);
  const int pixel_bytes = packed_.words * 4, row_bytes = phases_.width * pixel_bytes;
  for (size_t set = 0; set < sets.size(); ++set) {
    const Phase2d& phase = phases_.phases[set];
    std::vector<int32_t> offsets;
    for (size_t tap = 0; tap < phase.taps.size(); ++tap)
      offsets.push_back(phase.row[tap] * row_bytes + phase.column[tap] * pixel_bytes);
    b.taps.push_back(merge_taps(offsets, packed_.words));
    b.init.push_back(packed_.init(set));
  }
  b.shift = shifts_->ints[1] - b.spare;
  const std::vector<int32_t>& on_codes = packed_.operand_shift;
  if (*std::max_element(on_codes.begin(), on_codes.end()) > 0) {
    std::vector<int> factor;
    for (int32_t shift : on_codes) factor.push_back(1 << shift);
    repeat_channels(factor.data(), shape_.out.c, b.factor);
  }
  dx_.memory = ctx.streams.take(int64_t(shape_.in.elements()) * ctx.images);
  dx_.scale = std::ldexp(b.plan.grid.scale * weights_.scale, -finest);
  dx_.top = stream_limit;
  return b;
}

void ProductLayer::backward(Context& ctx) {
  const std::shared_ptr<Stream> dy = gather_gradients(ctx, ctx.values[id_]);
  if (!dy) throw Error("layer '" + node_.name + "': no gradient reaches it");
  Backward b = plan_backward(ctx, *dy);
  const int threads = ctx.pool.size();
  PerThread<int64_t> top(threads, 1);
  auto run = [&](bool weights) {
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      backward_images(ctx, b, *dy, weights, thread, begin, end, top.at(thread));
    });
  };
  for (const auto& s : ctx.scratch) s->has_sums = false;
  run(true);
  finish_weight_gradient(ctx, b);
  if (!needs_input_gradient_) return;
  const int64_t seen = top.max(threads)[0];
  if ((seen >> b.shift) > stream_limit - 1) {
    b.shift = shift_for(seen);
    run(false);
  }
  dx_.scale = std::ldexp(dx_.scale, b.shift);
  shifts_->ints[1] = shift_for(seen << b.spare);
  ctx.values[node_.input].gradients.push_back(&dx_);
}

void ProductLayer::backward_images(Context& ctx, const Backward& b, const Stream& dy, bool weights, int thread, int begin,
                                   int end, int64_t* top) {
  ThreadScratch& s = *ctx.scratch[thread];
  const Codes& x = ctx.values[node_.input].codes;
  const GradientPlan& plan = b.plan;
  const int64_t macs = int64_t(shape_.out.elements()) * shape_.taps() * shape_.in.c;
  if (weights && !s.has_sums) {
    s.operands.shape(shape_, b.group, uint8_t(x.zero));
    s.dw.resize(size_t(shape_.taps()) * s.operands.k * s.operands.n);
    s.dw.fill_bytes(0);
    s.g_sum.assign(shape_.out.c, 0);
    s.has_total = false;
    s.has_sums = true;
    s.pending = 0;
  }
  std::vector<int> order, shift;
  for (int at = begin; at < end; at += b.group) {
    const int count = std::min(b.group, end - at);
    order.resize(count);
    shift.resize(count);
    for (int i = 0; i < count; ++i) order[i] = at + i;
    std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return plan.sample[i] < plan.sample[j]; });
    for (int slot = 0; slot < count; ++slot) {
      const int image = order[slot];
      {
        PhaseTimer timer(ctx.profile, thread, id_, Phase::gradient_codes);
        timer.work(0, 3 * plan.elements);
        quantize_gradient(ctx, dy, plan, uint32_t(id_), image, s.g);
      }
      if (weights) {
        PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
        shift[slot] = b.late_shift ? 0 : plan.samples - 1 - plan.sample[image];
        load_weight_operands(ctx, b, image, slot, shift[slot], s);
      }
      if (slot + 1 < count) {
        prefetch(x.image(order[slot + 1]), size_t(x.image_bytes));
        prefetch(dy.image(order[slot + 1], plan.elements), size_t(plan.elements) * 2);
      } else if (at + count < end) {
        prefetch(x.image(at + count), size_t(x.image_bytes));
        prefetch(dy.image(at + count, plan.elements), size_t(plan.elements) * 2);
      }
      if (needs_input_gradient_) {
        PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_data);
        timer.work(macs, plan.elements + 2 * shape_.in.elements());
        input_gradient(ctx, b, image, s, top);
      }
    }
    if (!weights) continue;
    PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
    timer.work(macs * count, count * (plan.elements + x.image_bytes));
    if (!b.late_shift && (s.pending + count) * b.bound >= (int64_t{1} << 31)) flush(b, s, 0);
    const GradientOperands& o = s.operands;
    const int burst = int16_burst((1 << x.bits) - 1, top_code(format_.g, true));
    ctx.conv.weights_gradient({o.x.data(), o.x_image, o.x_channel, o.x_row, shape_.stride, o.column_offset.data(), o.g.data(),
                               o.g_image, o.g_panel, shift.data(), count, shape_.out.h, o.blocks, shape_.kh, shape_.kw, o.k,
                               o.n, burst, 0, (o.n + panel_columns - 1) / panel_columns, s.dw.data()},
                              burst > 0 ? Dot::u8s8 : Dot::u8s8_wide);
    s.pending += count;
    if (b.late_shift) flush(b, s, plan.samples - 1 - plan.sample[order[0]]);
  }
}

void ProductLayer::input_gradient(Context& ctx, const Backward& b, int image, ThreadScratch& s, int64_t* top) {
  const PackedWeights& packed = packed_;
  const bool words = packed.dot == Dot::s16;
  const int channels = shape_.in.c, stride = shape_.stride, sample = b.plan.sample[image];
  s.gradient.shape(phases_.height, phases_.width, phases_.top, phases_.left, packed.words * 4, uint8_t(packed.zero));
  place_gradient(ctx, s.g.codes.data(), shape_.out, words, b.factor, uint8_t(packed.zero), s.gradient);
  s.low.assign(packed.outputs, INT32_MAX);
  s.high.assign(packed.outputs, INT32_MIN);
  int16_t* dx = dx_.image(image, shape_.in.elements());
  const int64_t row = int64_t(shape_.in.w) * channels;
  for (size_t set = 0; set < phases_.phases.size(); ++set) {
    const Phase2d& phase = phases_.phases[set];
    if (phase.taps.empty()) {
      for (int y = phase.y; y < shape_.in.h; y += stride)
        for (int x = phase.x; x < shape_.in.w; x += stride) std::fill_n(dx + y * row + x * channels, channels, int16_t{0});
      continue;
    }
    const TapRuns& taps = b.taps[set];
    ctx.conv.product({s.gradient.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words, s.gradient.pixel_bytes,
                      s.gradient.row_bytes(), phase.rows, phase.columns, packed.bytes.data() + packed.sets[set].offset,
                      packed.outputs, b.init[set].data(), packed.burst, b.shift + sample, channels,
                      dx + phase.y * row + phase.x * channels, int64_t(stride) * channels, stride * row, nullptr, s.low.data(),
                      s.high.data()},
                     packed.dot);
  }
  for (int c = 0; c < channels; ++c)
    *top = std::max({*top, int64_t(s.high[c]) >> sample, -int64_t(s.low[c]) >> sample});
}

void ProductLayer::load_weight_operands(Context& ctx, const Backward&, int image, int slot, int shift, ThreadScratch& s) const {
  const Codes& x = ctx.values[node_.input].codes;
  s.operands.load_x(ctx, x, image, slot, s.bytes);
  s.operands.load_g(ctx, s.g.codes.data(), slot);
  if (!x.zero || s.operands.has_ones) return;
  const int channels = shape_.out.c;
  std::vector<int32_t> sum(channels, 0);
  const int8_t* g = s.g.codes.data();
  for (int64_t p = 0; p < int64_t(shape_.out.h) * shape_.out.w; ++p, g += channels)
    for (int c = 0; c < channels; ++c) sum[c] += g[c];
  for (int c = 0; c < channels; ++c)
    s.g_sum[c] = int32_t(uint32_t(s.g_sum[c]) + (uint32_t(x.zero) * uint32_t(sum[c]) << shift));
}

/// The zero point times the sums of G's codes, which the products with ones hold.
void ProductLayer::sum_codes(const Backward& b, ThreadScratch& s) const {
  const int32_t* ones = s.dw.data() + int64_t(shape_.in.c) * s.operands.n;
  for (int c = 0; c < shape_.out.c && s.operands.has_ones; ++c) s.g_sum[c] = int32_t(uint32_t(b.zero) * uint32_t(ones[c]));
}

/// Adds a thread's int32 sums, times 2^shift, to its int64 totals.
void ProductLayer::flush(const Backward& b, ThreadScratch& s, int shift) const {
  const int k = s.operands.k, n = s.operands.n;
  sum_codes(b, s);
  if (!s.has_total) s.dw_total.assign(s.dw.size(), 0);
  s.has_total = true;
  for (int64_t row = 0; row < int64_t(shape_.taps()) * k; ++row)
    for (int c = 0; c < shape_.out.c; ++c)
      s.dw_total[row * n + c] += int64_t(int32_t(uint32_t(s.dw[row * n + c]) - uint32_t(s.g_sum[c]))) * (int64_t{1} << shift);
  s.dw.fill_bytes(0);
  s.pending = 0;
  std::fill(s.g_sum.begin(), s.g_sum.end(), 0);
}

/// The sums of all threads, times the channels' units; output channels in parallel.
void ProductLayer::finish_weight_gradient(Context& ctx, const Backward& b) {
  const Codes& x = ctx.values[node_.input].codes;
  const int inputs = shape_.in.c, taps = shape_.taps(), k16 = round_up(inputs, 4), n16 = round_up(shape_.out.c, 16);
  const double unit = std::ldexp(x.scale * b.plan.grid.scale, -(b.plan.samples - 1));
  float* grad = params_.weight->grad.data();
  std::vector<double> input_unit(inputs);
  for (int k = 0; k < inputs; ++k) input_unit[k] = std::ldexp(unit, -x.shift[k % x.shift.size()]);
  std::vector<double> output_unit(shape_.out.c);
  for (int n = 0; n < shape_.out.c; ++n) output_unit[n] = std::ldexp(1.0, -b.plan.grid.shift[n]);
  std::vector<WeightSums> sums;
  for (int t = 0; t < ctx.pool.size(); ++t) {
    ThreadScratch& s = *ctx.scratch[t];
    if (!s.has_sums) continue;
    sum_codes(b, s);
    sums.push_back({s.dw.data(), s.g_sum.data(), s.has_total ? s.dw_total.data() : nullptr});
  }
  const WeightKernels& kernels = weight_kernels(ctx.isa);
  ctx.pool.run(shape_.out.c, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
    kernels.gradient({sums.data(), int(sums.size()), taps, inputs, k16, n16, begin, end, input_unit.data(), output_unit.data(),
                      grad});
  });
}

}  // namespace subbyte
