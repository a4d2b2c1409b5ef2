// Backward of a product: one quantized copy of the output gradient feeds backward-data and backward-weights (with
// quant.draws_g = 2, a control, each has its own).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/observe.h"
#include "nn/integer/product.h"

namespace subbyte {

ProductLayer::Accumulation ProductLayer::accumulation(const Context& ctx) const {
  Accumulation sums;
  const bool is_signed = ctx.values[node_.input].is_signed;
  const int64_t pixels = int64_t(shape_.out.h) * shape_.out.w;
  // True sums; the zero point cancels modulo 2^32.
  const int top_x = is_signed ? 1 << (format_.a - 1) : top_activation(ctx.config.quant, format_.a, false);
  sums.bound = (pixels * top_x * top_g_) << (ctx.config.quant.sample_groups - 1);
  sums.late_shift = sums.bound >= (int64_t{1} << 31);
  // Enough pixels that adding a register tile to memory costs little, and operands that stay in the second-level cache.
  const int64_t fit = sums.late_shift ? 1 : ((int64_t{1} << 31) - 1) / sums.bound;
  sums.group = int(std::clamp<int64_t>(std::min(fit, 1024 / pixels), 1, 16));
  // With many weights, adding up every thread's sums would take as long as the product.
  const int64_t weights = int64_t(shape_.taps()) * round_up(shape_.in.c, 4) * round_up(shape_.out.c, 16);
  constexpr int64_t many = 64 << 10, most_operands = 32 << 20;
  const GradientOperands::Sizes image = GradientOperands::image_sizes(shape_, ctx.conv.joins_rows);
  sums.by_panel = weights >= many && !sums.late_shift &&
                  (image.x + image.g) * ctx.images <= most_operands && (!is_signed || shape_.in.c % 4 != 0);
  return sums;
}

ProductLayer::Backward ProductLayer::plan_backward(Context& ctx, const Stream& dy) {
  Backward b;
  b.plan = plan_gradient(ctx, dy, shape_.out, format_.g, groups_g_, id_);
  const Codes& x = ctx.values[node_.input].codes;
  b.zero = x.zero;
  b.sums = accumulation(ctx);
  if (b.sums.by_panel) {
    ctx.batch_operands->shape(shape_, ctx.conv.joins_rows, ctx.images, uint8_t(x.zero));
    b.order.resize(ctx.images);
    b.slot.resize(ctx.images);
    std::iota(b.order.begin(), b.order.end(), 0);
    std::stable_sort(b.order.begin(), b.order.end(), [&](int i, int j) { return b.plan.sample[i] < b.plan.sample[j]; });
    for (int i = 0; i < ctx.images; ++i) {
      b.slot[b.order[i]] = i;
      b.shift.push_back(b.plan.samples - 1 - b.plan.sample[b.order[i]]);
    }
    // Most samples have small shifts, so their sums fit 32 bits together far more often than the bound says.
    const int64_t image_bound = b.sums.bound >> (b.plan.samples - 1);
    int64_t sum = 0;
    for (int i = 0; i < ctx.images; ++i) {
      const int64_t more = image_bound << b.shift[i];
      if (sum + more >= (int64_t{1} << 31)) b.ends.push_back(i), sum = 0;
      sum += more;
    }
    b.ends.push_back(ctx.images);
  }
  if (!needs_input_gradient_) return b;

  PhaseTimer timer(ctx.profile, 0, id_, Phase::weights);
  const int bits = backward_bits(b.plan);
  if (shift_.unknown(RightShift::input_gradient))
    shift_.set(RightShift::input_gradient,
               shift_for(int64_t(shape_.taps()) * shape_.out.c * top_g_ * top_w_
                         << (groups_g_ + groups_w_ - 2)) / 2,
               bits);
  const int t = shift_.at(RightShift::input_gradient, bits);
  std::vector<int32_t> left(shape_.out.c);
  for (int c = 0; c < shape_.out.c; ++c) left[c] = b.plan.grid.shift[c] + weights_.shift[c];
  b.spare = std::min(groups_g_ + groups_w_ - 2 - *std::max_element(left.begin(), left.end()), t);
  b.finest = groups_g_ + groups_w_ - 2 - b.spare;
  for (int32_t& shift : left) shift = b.finest - shift;
  std::vector<std::vector<int>> sets;
  for (const Phase2d& phase : phases_.phases) sets.push_back(phase.taps);
  pack_backward({weight_kernels(ctx.isa), &ctx.pool}, weights_, shape_, left, format_.g + b.plan.block, sets, *ctx.packed);
  const PackedWeights& packed = *ctx.packed;
  const int pixel_bytes = packed.words * 4, row_bytes = phases_.width * pixel_bytes;
  for (size_t set = 0; set < sets.size(); ++set) {
    const Phase2d& phase = phases_.phases[set];
    std::vector<int32_t> offsets;
    for (size_t tap = 0; tap < phase.taps.size(); ++tap)
      offsets.push_back(phase.row[tap] * row_bytes + phase.column[tap] * pixel_bytes);
    b.taps.push_back(merge_taps(offsets, packed.words));
    b.init.push_back(packed.init(set));
    b.init_down.push_back(b.init.back());
    for (int32_t& start : b.init_down.back()) --start;
  }
  b.right_shift = t - b.spare;
  const std::vector<int32_t>& on_codes = packed.operand_shift;
  if (*std::max_element(on_codes.begin(), on_codes.end()) > 0) {
    std::vector<int> factor;
    for (int32_t shift : on_codes) factor.push_back(1 << shift);
    repeat_channels(factor.data(), shape_.out.c, b.factor);
  }
  dx_.scale = std::ldexp(b.plan.grid.scale * weights_.scale, -b.finest);
  dx_.top = stream_limit;
  return b;
}

void ProductLayer::backward(Context& ctx) {
  const std::shared_ptr<Stream> dy = gather_gradients(ctx, ctx.values[id_]);
  if (!dy) throw Error("layer '" + node_.name + "': no gradient reaches it");
  if (needs_input_gradient_) dx_.memory = ctx.memory.take(int64_t(shape_.in.elements()) * ctx.images);
  // The last contribution to a normalization's gradient is handed over image by image, while the caches hold it.
  Value& input = ctx.values[node_.input];
  GradientSink* const sink = needs_input_gradient_ && input.first_reader == id_ ? input.sink : nullptr;
  if (!ctx.planning()) compute_gradients(ctx, *dy, sink);
  else if (sink) sink->begin_gradient(ctx, dx_);
  if (sink) dx_.memory.reset();
  else if (needs_input_gradient_) input.gradients.push_back(&dx_);
}

void ProductLayer::compute_gradients(Context& ctx, const Stream& dy, GradientSink* sink) {
  Backward b = plan_backward(ctx, dy);
  observe_gradient(ctx, id_, dy, shape_.out, b.plan, weights_, format_, groups_g_);
  b.sink = sink;
  const int threads = ctx.pool.size();
  PerThread<int64_t> top(threads, 1);
  auto run = [&](bool weights) {
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      backward_images(ctx, b, dy, weights, thread, begin, end, top.at(thread));
    }, weights && !b.sums.by_panel ? b.sums.group : 1);
  };
  const double scale = dx_.scale;
  auto begin_sink = [&] {
    dx_.scale = std::ldexp(scale, b.right_shift);
    if (b.sink) b.sink->begin_gradient(ctx, dx_);
  };
  for (const auto& s : ctx.scratch) s->has_sums = false;
  begin_sink();
  run(true);
  if (b.sums.by_panel) weight_gradient_by_panel(ctx, b);
  else finish_weight_gradient(ctx, b);
  if (needs_input_gradient_) {
    const int64_t seen = top.max(threads)[0];
    if ((seen >> b.right_shift) > stream_limit - 1) {
      b.right_shift = shift_for(seen);
      begin_sink();
      run(false);
    }
    shift_.set(RightShift::input_gradient, shift_for(seen << b.spare), backward_bits(b.plan));
  }
  observe_backward(ctx, b, dy);
}

void ProductLayer::backward_images(Context& ctx, const Backward& b, const Stream& dy, bool weights, int thread, int begin,
                                   int end, int64_t* top) {
  ThreadScratch& s = *ctx.scratch[thread];
  const Codes& x = ctx.values[node_.input].codes;
  const GradientPlan& plan = b.plan;
  const int64_t macs = int64_t(shape_.out.elements()) * shape_.taps() * shape_.in.c;
  const bool own_sums = weights && !b.sums.by_panel, draws_again = ctx.config.quant.draws_g > 1;
  if (own_sums && !s.has_sums) {
    s.operands.shape(shape_, ctx.conv.joins_rows, b.sums.group, uint8_t(x.zero));
    s.dw.resize(size_t(shape_.taps()) * s.operands.k * s.operands.n);
    s.dw.fill_bytes(0);
    s.g_sum.assign(shape_.out.c, 0);
    s.has_total = false;
    s.has_sums = true;
    s.pending = 0;
  }
  std::vector<int> order, shift;
  for (int at = begin; at < end; at += b.sums.group) {
    const int count = std::min(b.sums.group, end - at);
    order.resize(count);
    shift.resize(count);
    for (int i = 0; i < count; ++i) order[i] = at + i;
    std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return plan.sample[i] < plan.sample[j]; });
    if (own_sums && !b.sums.late_shift && (s.pending + count) * b.sums.bound >= (int64_t{1} << 31)) flush(b, s, 0);
    auto multiply = [&] {
      PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
      timer.work(macs * count, count * (plan.elements + x.image_bytes));
      Dot dot;
      const WeightsGradient product = weights_gradient(s.operands, x.most_shift, shift.data(), count, s.dw.data(), dot);
      ctx.conv.weights_gradient(product, dot);
      s.pending += count;
      if (b.sums.late_shift) flush(b, s, plan.samples - 1 - plan.sample[order[0]]);
    };
    auto quantize = [&](int image, RandomUse use) {
      PhaseTimer timer(ctx.profile, thread, id_, Phase::gradient_codes);
      timer.work(0, 3 * plan.elements);
      quantize_gradient(ctx, dy, plan, uint32_t(id_), image, s.g, use);
    };
    for (int slot = 0; slot < count; ++slot) {
      const int image = order[slot];
      if (weights || !draws_again) quantize(image, RandomUse::gradient);
      if (weights) {
        PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
        shift[slot] = b.sums.late_shift ? 0 : plan.samples - 1 - plan.sample[image];
        if (b.sums.by_panel) load_weight_operands(ctx, *ctx.batch_operands, image, b.slot[image], 0, s);
        else load_weight_operands(ctx, s.operands, image, slot, shift[slot], s);
      }
      if (own_sums && b.sums.group == 1) multiply();  // while the operands are in the first-level cache
      const int next = slot + 1 < count ? order[slot + 1] : at + count < end ? at + count : -1;
      if (needs_input_gradient_ && draws_again) quantize(image, RandomUse::input_gradient);
      if (needs_input_gradient_) {
        PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_data);
        timer.work(macs, plan.elements + 2 * shape_.in.elements());
        input_gradient(ctx, b, dy, image, next, s, top);
      }
      if (b.sink) b.sink->take_gradient(ctx, thread, image);
    }
    if (own_sums && b.sums.group > 1) multiply();
  }
}

void ProductLayer::input_gradient(Context& ctx, const Backward& b, const Stream& dy, int image, int next, ThreadScratch& s,
                                  int64_t* top) {
  const PackedWeights& packed = *ctx.packed;
  const bool words = packed.dot == Dot::s16;
  const int channels = shape_.in.c, stride = shape_.stride, sample = b.plan.sample[image];
  s.gradient.shape(phases_.height, phases_.width, phases_.top, phases_.left, packed.words * 4, uint8_t(packed.zero));
  place_gradient(ctx, s.g.codes.data(), shape_.out, words, b.factor, uint8_t(packed.zero), s.gradient);
  s.low.assign(packed.outputs, INT32_MAX);
  s.high.assign(packed.outputs, INT32_MIN);
  int16_t* dx = dx_.image(image, shape_.in.elements());
  const Codes& x = ctx.values[node_.input].codes;
  ReadAhead ahead[5];
  int reads = b.sink ? b.sink->reads(image, ahead) : 0;
  if (next >= 0) {
    ahead[reads++] = {dy.image(next, b.plan.elements), b.plan.elements * 2};
    ahead[reads++] = {x.image(next), x.image_bytes};
  }
  const int64_t row = int64_t(shape_.in.w) * channels;
  if (std::any_of(phases_.phases.begin(), phases_.phases.end(), [](const Phase2d& p) { return p.taps.empty(); }))
    std::memset(dx, 0, size_t(shape_.in.elements()) * 2);
  const int shift = b.right_shift + sample, less = shift > 0 ? b.plan.tie_down[image] : 0;
  const auto& init = less ? b.init_down : b.init;
  for (size_t set = 0; set < phases_.phases.size(); ++set) {
    const Phase2d& phase = phases_.phases[set];
    if (phase.taps.empty()) continue;  // zeros
    const TapRuns& taps = b.taps[set];
    ctx.conv.product({s.gradient.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words, s.gradient.pixel_bytes,
                      s.gradient.row_bytes(), phase.rows, phase.columns, packed.bytes.data() + packed.sets[set].offset,
                      packed.outputs, init[set].data(), packed.burst, shift, channels,
                      dx + phase.y * row + phase.x * channels, int64_t(stride) * channels, stride * row, nullptr, s.low.data(),
                      s.high.data(), ahead, reads},
                     packed.dot);
    reads = 0;  // once
  }
  for (int c = 0; c < channels; ++c)
    *top = std::max({*top, (int64_t(s.high[c]) + less) >> sample, -(int64_t(s.low[c]) + less) >> sample});
}

/// All panels; `dot` is how their words multiply.
WeightsGradient ProductLayer::weights_gradient(const GradientOperands& o, int most_shift, const int* shift, int count,
                                               int32_t* dw, Dot& dot) const {
  const int burst = int16_burst(((1 << format_.a) - 1) << most_shift, top_g_);
  dot = burst > 0 ? Dot::u8s8 : Dot::u8s8_wide;
  return {o.x.data(), o.x_image, o.x_channel, o.x_row, shape_.stride, o.column_offset.data(), o.g.data(), o.g_image, o.g_panel,
          shift, count, shape_.out.h, o.blocks, shape_.kh, shape_.kw, o.k, o.n, burst, 0,
          panels(o.n), dw};
}

void ProductLayer::load_weight_operands(Context& ctx, GradientOperands& o, int image, int slot, int shift,
                                        ThreadScratch& s) const {
  const Codes& x = ctx.values[node_.input].codes;
  o.load_x(ctx, x, image, slot, s.bytes);
  o.load_g(ctx, s.g.codes.data(), slot);
  if (!x.zero || o.has_ones) return;
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
  if (!s.has_total) {
    s.dw_total.resize(s.dw.size());
    s.dw_total.fill_bytes(0);
  }
  s.has_total = true;
  for (int64_t row = 0; row < int64_t(shape_.taps()) * k; ++row)
    for (int c = 0; c < shape_.out.c; ++c)
      s.dw_total[row * n + c] += int64_t(int32_t(uint32_t(s.dw[row * n + c]) - uint32_t(s.g_sum[c]))) * (int64_t{1} << shift);
  s.dw.fill_bytes(0);
  s.pending = 0;
  std::fill(s.g_sum.begin(), s.g_sum.end(), 0);
}

ProductLayer::WeightUnits ProductLayer::weight_units(const Backward& b, const Codes& x) const {
  const double unit = std::ldexp(x.scale * b.plan.grid.scale, -(b.plan.samples - 1));
  WeightUnits units;
  for (int k = 0; k < shape_.in.c; ++k) units.input.push_back(std::ldexp(unit, -x.shift[k % x.shift.size()]));
  for (int n = 0; n < shape_.out.c; ++n)
    units.output.push_back(std::ldexp(1.0, -b.plan.grid.shift[n]) / weights_.channel_scale[n]);
  return units;
}

/// The sums of all threads, times the channels' units; output channels in parallel.
void ProductLayer::finish_weight_gradient(Context& ctx, const Backward& b) {
  const int inputs = shape_.in.c, taps = shape_.taps(), k4 = round_up(inputs, 4), n16 = round_up(shape_.out.c, 16);
  const WeightUnits units = weight_units(b, ctx.values[node_.input].codes);
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
    kernels.gradient({sums.data(), int(sums.size()), taps, inputs, k4, n16, begin, end, units.input.data(),
                      units.output.data(), params_.weight->grad.data()});
  });
}

/// Panels of outputs in parallel: each over all images, straight to its part of the gradient.
void ProductLayer::weight_gradient_by_panel(Context& ctx, const Backward& b) {
  const Codes& x = ctx.values[node_.input].codes;
  const GradientOperands& o = *ctx.batch_operands;
  const int inputs = shape_.in.c, taps = shape_.taps();
  const WeightUnits units = weight_units(b, x);
  const WeightKernels& kernels = weight_kernels(ctx.isa);
  ctx.pool.share(panels(o.n), [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::backward_weights);
    ThreadScratch& s = *ctx.scratch[thread];
    s.dw.resize(size_t(taps) * o.k * panel_columns);
    for (int panel = begin; panel < end; ++panel) {
      const int first = panel * panel_columns, width = panel_width(o.n, first), outputs = std::min(width, shape_.out.c - first);
      timer.work(int64_t(ctx.images) * shape_.out.h * shape_.out.w * outputs * taps * inputs, 0);
      const bool flushes = b.ends.size() > 1;
      if (flushes) {
        s.dw_total.resize(s.dw.size());
        s.dw_total.fill_bytes(0);
      }
      for (size_t pass = 0; pass < b.ends.size(); ++pass) {
        const int first = pass ? b.ends[pass - 1] : 0;
        s.dw.fill_bytes(0);
        Dot dot;
        WeightsGradient product =
            weights_gradient(o, x.most_shift, b.shift.data() + first, b.ends[pass] - first, s.dw.data(), dot);
        product.x += first * o.x_image;
        product.g += first * o.g_image + panel * o.g_panel;
        product.n = width;
        product.last_panel = 1;
        ctx.conv.weights_gradient(product, dot);
        s.g_sum.assign(width, 0);
        const int32_t* ones = s.dw.data() + int64_t(inputs) * width;
        for (int c = 0; c < width && o.has_ones; ++c) s.g_sum[c] = int32_t(uint32_t(b.zero) * uint32_t(ones[c]));
        for (int64_t row = 0; row < int64_t(taps) * o.k && flushes; ++row)
          for (int c = 0; c < width; ++c)
            s.dw_total[row * width + c] += int32_t(uint32_t(s.dw[row * width + c]) - uint32_t(s.g_sum[c]));
      }
      if (flushes) {
        s.dw.fill_bytes(0);
        s.g_sum.assign(width, 0);
      }
      const WeightSums sums{s.dw.data(), s.g_sum.data(), flushes ? s.dw_total.data() : nullptr};
      kernels.gradient({&sums, 1, taps, inputs, o.k, width, 0, outputs, units.input.data(), units.output.data() + first,
                        params_.weight->grad.data() + int64_t(first) * taps * inputs});
    }
  });
}

}  // namespace subbyte
