// A product in integers for a StepObserver: codes, shifts, and the exact sums of the step's own kernels on the step's own
// operands. A kernel called for one pixel reports its sum as lowest and highest: all 32 bits, before the shift to int16.
#include <algorithm>

#include "nn/integer/observe.h"
#include "nn/integer/product.h"

namespace subbyte {
namespace {

/// Sums of `rows` x `pixels` outputs, one call each; `store` gets the output's row and pixel and its columns' sums.
template <class Store>
void exact_sums(const ConvKernels& kernels, ImageProduct product, Dot dot, Store store) {
  std::vector<int16_t> y(size_t(product.n));
  std::vector<int32_t> low(size_t(product.n)), high(low);
  const uint8_t* const first = product.a;
  const int rows = product.rows, pixels = product.pixels;
  product.rows = product.pixels = 1;
  product.shift = 0;
  product.y = y.data();
  product.sum = nullptr;
  product.low = low.data();
  product.high = high.data();
  for (int row = 0; row < rows; ++row)
    for (int pixel = 0; pixel < pixels; ++pixel) {
      product.a = first + row * product.row_step + pixel * product.pixel_step;
      std::fill(low.begin(), low.end(), INT32_MAX);
      std::fill(high.begin(), high.end(), INT32_MIN);
      kernels.product(product, dot);
      store(row, pixel, low.data());
    }
}

}  // namespace

void ProductLayer::observe_forward(Context& ctx, const PackedWeights& packed, int finest) const {
  if (!ctx.observer || !ctx.training) return;
  const Value& input = ctx.values[node_.input];
  ForwardView view;
  static_cast<ProductView&>(view) = view_product(ctx, id_, shape_);
  view.activations = view_codes(ctx, input);
  view.weights = view_codes(weights_);
  view.finest = finest;
  view.sums = [&](int image, int32_t* sums) {
    ThreadScratch s;
    const int pixel_bytes = packed.words * 4;
    s.image.shape(shape_.in.h + 2 * shape_.pad, shape_.in.w + 2 * shape_.pad, shape_.pad, shape_.pad, pixel_bytes,
                  uint8_t(packed.zero));
    place_codes(ctx, input.codes, image, shape_.in, packed.dot == Dot::s16, s.bytes, s.image);
    const TapRuns taps = forward_taps(packed);
    const std::vector<int32_t> init = packed.init(0);
    exact_sums(ctx.conv,
               {s.image.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words, shape_.stride * pixel_bytes,
                shape_.stride * s.image.row_bytes(), shape_.out.h, shape_.out.w, packed.bytes.data(), packed.outputs,
                init.data(), packed.burst, 0, shape_.out.c, nullptr, shape_.out.c, 0, nullptr, nullptr, nullptr},
               packed.dot, [&](int row, int pixel, const int32_t* sum) {
                 std::copy(sum, sum + shape_.out.c, sums + (int64_t(row) * shape_.out.w + pixel) * shape_.out.c);
               });
  };
  ctx.observer->on_forward(view);
}

void ProductLayer::observe_backward(Context& ctx, const Backward& b, const Stream& dy) const {
  if (!ctx.observer) return;
  const Value& input = ctx.values[node_.input];
  const RandomUse data_use = ctx.config.quant.draws_g > 1 ? RandomUse::input_gradient : RandomUse::gradient;
  BackwardView view;
  static_cast<ProductView&>(view) = view_product(ctx, id_, shape_);
  view.activations = view_codes(ctx, input);
  view.weights = view_codes(weights_);
  view.gradient = view_codes(ctx, id_, dy, b.plan, format_, groups_g_, RandomUse::gradient);
  view.data_gradient = view_codes(ctx, id_, dy, b.plan, format_, groups_g_, data_use);
  view.sample_groups = b.plan.samples;
  view.sample_shift = b.plan.sample;
  view.finest = b.finest;
  view.has_input_gradient = needs_input_gradient_;
  view.data_sums = [&, data_use](int image, int32_t* sums) {
    const PackedWeights& packed = *ctx.packed;
    const int channels = shape_.in.c, stride = shape_.stride;
    ThreadScratch s;
    quantize_gradient(ctx, dy, b.plan, uint32_t(id_), image, s.g, data_use);
    s.gradient.shape(phases_.height, phases_.width, phases_.top, phases_.left, packed.words * 4, uint8_t(packed.zero));
    place_gradient(ctx, s.g.codes.data(), shape_.out, packed.dot == Dot::s16, b.factor, uint8_t(packed.zero), s.gradient);
    std::fill(sums, sums + shape_.in.elements(), 0);
    for (size_t set = 0; set < phases_.phases.size(); ++set) {
      const Phase2d& phase = phases_.phases[set];
      if (phase.taps.empty()) continue;
      const TapRuns& taps = b.taps[set];
      exact_sums(ctx.conv,
                 {s.gradient.pixel(0, 0), taps.offset.data(), int(taps.offset.size()), taps.words, s.gradient.pixel_bytes,
                  s.gradient.row_bytes(), phase.rows, phase.columns, packed.bytes.data() + packed.sets[set].offset,
                  packed.outputs, b.init[set].data(), packed.burst, 0, channels, nullptr, channels, 0, nullptr, nullptr,
                  nullptr},
                 packed.dot, [&](int row, int pixel, const int32_t* sum) {
                   const int64_t y = phase.y + int64_t(stride) * row, x = phase.x + int64_t(stride) * pixel;
                   std::copy(sum, sum + channels, sums + (y * shape_.in.w + x) * channels);
                 });
    }
  };
  view.weight_sums = [&](int image, int32_t* sums) {
    const int channels = shape_.out.c, k4 = round_up(shape_.in.c, 4);
    ThreadScratch s;
    s.g_sum.assign(size_t(channels), 0);
    s.operands.shape(shape_, ctx.conv.joins_rows, 1, uint8_t(b.zero));
    s.dw.resize(size_t(shape_.taps()) * s.operands.k * s.operands.n);
    quantize_gradient(ctx, dy, b.plan, uint32_t(id_), image, s.g);
    load_weight_operands(ctx, s.operands, image, 0, 0, s);
    const int shift = 0;
    Dot dot;
    const WeightsGradient product = weights_gradient(s.operands, input.codes.most_shift, &shift, 1, s.dw.data(), dot);
    ctx.conv.weights_gradient(product, dot);
    sum_codes(b, s);
    for (int tap = 0; tap < shape_.taps(); ++tap)
      for (int ci = 0; ci < shape_.in.c; ++ci)
        for (int co = 0; co < channels; ++co)
          sums[(int64_t(co) * shape_.taps() + tap) * shape_.in.c + ci] =
              int32_t(uint32_t(s.dw[(int64_t(tap) * k4 + ci) * s.operands.n + co]) - uint32_t(s.g_sum[co]));
  };
  ctx.observer->on_backward(view);
}

}  // namespace subbyte
