// Depthwise convolution on the codes of X, W and G. No channel is reduced in forward and backward-data, so the shifts of X
// and W stay outside the sums; backward-data folds those of G and W into the weights, because its output has one scale.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "kernels/depthwise/depthwise.h"
#include "nn/integer/activation_blocks.h"
#include "nn/integer/gradient.h"
#include "nn/integer/layer.h"
#include "nn/integer/observe.h"
#include "nn/integer/operands.h"
#include "nn/integer/right_shift.h"

namespace subbyte {
namespace {

class DepthwiseLayer : public IntegerLayer {
 public:
  DepthwiseLayer(Context& ctx, int id, LayerParams params, const Format& format, bool needs_input_gradient)
      : id_(id), node_(ctx.config.model.nodes[id]), params_(params), format_(format),
        needs_input_gradient_(needs_input_gradient), kernels_(depthwise_kernels(ctx.isa)), shift_(ctx, node_.name, 0) {
    const Node& n = node_;
    shape_ = {n.kernel_h, n.kernel_w, n.stride, n.pad, ctx.values[n.input].shape, n.shape};
    if (n.pad >= std::min(n.kernel_h, n.kernel_w) && n.pad > 0)
      throw UsageError("layer '" + n.name + "': found padding " + std::to_string(n.pad) + ", expected less than the kernel");
    const QuantConfig& q = ctx.config.quant;
    groups_a_ = ctx.values[n.input].codes.groups;
    groups_g_ = std::min(q.groups_g > 0 ? q.groups_g : 4, 8);
    groups_w_ = std::min({q.groups_w > 0 ? q.groups_w : 4, 8, 16 - format.w - (groups_g_ - 1)});  // shifted weights fit int16
    const int64_t top_x = top_activation(q, format.a, ctx.values[n.input].is_signed), top_w = top_code(format.w, true);
    const int64_t top_g = top_gradient(q, format.g);
    if (!sums_fit(shape_.taps(), top_g, top_w, groups_g_ + groups_w_ - 2) ||
        !sums_fit(shape_.taps(), top_x, top_w, 0) ||
        !sums_fit(int64_t(shape_.out.h) * shape_.out.w, top_x, top_g, 0))
      throw UsageError("layer '" + n.name + "': sums of its products would not fit 32 bits");
  }

  void forward(Context& ctx) override {
    const Codes& x = ctx.values[node_.input].codes;
    Value& out = ctx.values[id_];
    out.stream.memory = ctx.memory.take(int64_t(shape_.out.elements()) * ctx.images);
    if (ctx.planning()) return;
    try {
      quantize_weights({weight_kernels(ctx.isa), &ctx.pool}, *params_.weight, format_.w, groups_w_, ctx.config.quant.clip_w, {},
                       weights_);
    } catch (const Error& e) {
      throw Error("layer '" + node_.name + "': " + e.what());
    }
    const int channels = shape_.out.c, taps = shape_.taps(), threads = ctx.pool.size();
    std::vector<int16_t> w(size_t(taps) * channels);
    for (int tap = 0; tap < taps; ++tap)
      for (int c = 0; c < channels; ++c) w[tap * channels + c] = weights_.code[c * taps + tap];
    out.stream.scale = x.scale * weights_.scale;
    out.stream.channel_shift = weights_.shift;
    for (int c = 0; c < channels; ++c) out.stream.channel_shift[c] += x.shift[c];
    const int64_t elements = shape_.out.elements();
    PerThread<int64_t> sum(threads, channels);
    PerThread<int32_t> low(threads, channels, INT32_MAX), high(threads, channels, INT32_MIN), top(threads, 1);
    auto run = [&](int t) {
      ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
        ThreadScratch& s = *ctx.scratch[thread];
        PaddedImage& image = s.image;
        Buffer<int32_t>& acc = s.sums;
        acc.resize(size_t(shape_.out.w) * channels);
        for (int i = begin; i < end; ++i) {
          load(ctx, i, s.bytes, image);
          const std::vector<int32_t> offsets = tap_offsets(image);
          for (int y = 0; y < shape_.out.h; ++y) {
            kernels_.row({words(image, y * shape_.stride), offsets.data(), taps, channels, shape_.stride * channels,
                          shape_.out.w, w.data(), acc.data()});
            const int32_t a = ctx.norm.narrow(acc.data(), shape_.out.w, channels, channels, t,
                                              out.stream.image(i, elements) + int64_t(y) * shape_.out.w * channels,
                                              {sum.at(thread), low.at(thread), high.at(thread)});
            *top.at(thread) = std::max(*top.at(thread), a);
          }
        }
      });
    };
    const int bits = x.bits + x.most_shift + format_.w;
    int t = shift_.at(RightShift::forward, bits);
    run(t);
    const int64_t seen = top.max(threads)[0];
    if (ctx.training) {
      if ((seen >> t) > stream_limit - 1) {
        t = shift_for(seen);
        sum = PerThread<int64_t>(threads, channels);
        low = PerThread<int32_t>(threads, channels, INT32_MAX);
        high = PerThread<int32_t>(threads, channels, INT32_MIN);
        run(t);
      }
      shift_.set(RightShift::forward, shift_for(seen), bits);
    }
    out.stream.scale = std::ldexp(out.stream.scale, t);
    out.stream.sum = sum.sum(threads);
    out.stream.low = low.min(threads);
    out.stream.high = high.max(threads);
    out.stream.top = stream_limit;
    observe_operands(ctx, id_, *params_.weight, weights_);
  }

  void backward(Context& ctx) override {
    const std::shared_ptr<Stream> dy = gather_gradients(ctx, ctx.values[id_]);
    if (!dy) throw Error("layer '" + node_.name + "': no gradient reaches it");
    const int64_t in_elements = shape_.in.elements();
    if (needs_input_gradient_) {
      dx_.memory = ctx.memory.take(in_elements * ctx.images);
      ctx.values[node_.input].gradients.push_back(&dx_);
    }
    if (ctx.planning()) return;
    const GradientPlan plan = plan_gradient(ctx, *dy, shape_.out, format_.g, groups_g_, id_);
    observe_gradient(ctx, id_, *dy, shape_.out, plan, weights_, format_, groups_g_);
    const int channels = shape_.out.c, taps = shape_.taps(), threads = ctx.pool.size();
    const int finest = groups_g_ + groups_w_ - 2;
    std::vector<int16_t> flipped(size_t(taps) * channels);
    for (int tap = 0; tap < taps; ++tap)
      for (int c = 0; c < channels; ++c)
        flipped[tap * channels + c] = int16_t(weights_.code[c * taps + (taps - 1 - tap)] *
                                              (1 << (finest - plan.grid.shift[c] - weights_.shift[c])));
    PerThread<int64_t> dw(threads, size_t(taps) * channels);
    PerThread<int32_t> top(threads, 1);
    const bool draws_again = ctx.config.quant.draws_g > 1;
    const int bits = format_.g + plan.block + format_.w + finest;
    int t = shift_.at(RightShift::input_gradient, bits);
    auto run = [&](bool weights) {
      ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
        ThreadScratch& s = *ctx.scratch[thread];
        auto quantize = [&](int i, RandomUse use) { quantize_gradient(ctx, *dy, plan, uint32_t(id_), i, s.g, use); };
        s.dilated.shape(shape_.in.h + shape_.kh - 1, shape_.in.w + shape_.kw - 1, 0, 0, channels * 2, 0);
        s.dilated.bytes.fill_bytes(0);  // every image has its pixels at the same places, but not every layer
        for (int i = begin; i < end; ++i) {
          if (weights || !draws_again) quantize(i, RandomUse::gradient);
          if (weights) weight_gradient(ctx, plan, i, s, dw.at(thread));
          if (needs_input_gradient_ && draws_again) quantize(i, RandomUse::input_gradient);
          if (needs_input_gradient_) input_gradient(ctx, plan, flipped, t, i, s, top.at(thread));
        }
      });
    };
    run(true);
    const std::vector<int64_t> total = dw.sum(threads);
    const Codes& x = ctx.values[node_.input].codes;
    const double unit = std::ldexp(x.scale * plan.grid.scale, -(plan.samples - 1));
    for (int c = 0; c < channels; ++c)
      for (int tap = 0; tap < taps; ++tap)
        params_.weight->grad[c * taps + tap] =
            float(std::ldexp(double(total[tap * channels + c]) * unit, -x.shift[c] - plan.grid.shift[c]));
    if (!needs_input_gradient_) return;
    const int64_t seen = top.max(threads)[0];
    if ((seen >> t) > stream_limit - 1) {
      t = shift_for(seen);
      run(false);
    }
    dx_.scale = std::ldexp(plan.grid.scale * weights_.scale, t - finest);
    dx_.top = stream_limit;
    shift_.set(RightShift::input_gradient, shift_for(seen), bits);
  }

  void scratch(const Context& ctx, ScratchSizes& sizes) const override {
    const int64_t c = shape_.out.c;
    ScratchSizes::grow(sizes.bytes, shape_.in.elements() + 8);
    ScratchSizes::grow(sizes.image, PaddedImage::size_for(framed(shape_.in.h), framed(shape_.in.w), int(c) * 2));
    ScratchSizes::grow(sizes.sums, std::max(shape_.in.w, shape_.out.w) * c);
    if (!ctx.training) return;
    const int dilated_h = shape_.in.h + shape_.kh - 1, dilated_w = shape_.in.w + shape_.kw - 1;
    ScratchSizes::grow(sizes.dilated, PaddedImage::size_for(dilated_h, dilated_w, int(c) * 2));
    ScratchSizes::grow(sizes.random, GradientCodes::random_size(shape_.out));
    ScratchSizes::grow(sizes.codes, shape_.out.elements());
    ScratchSizes::grow(sizes.stream, shape_.out.w * c);
    ScratchSizes::grow(sizes.dw, shape_.taps() * c);
  }
  int64_t weight_code_bytes() const override { return int64_t(params_.weight->value.size()); }

  LayerInfo info() const override {
    LayerInfo info;
    info.name = node_.name;
    info.kind = "depthwise";
    info.format = format_.name();
    info.groups = std::to_string(groups_w_) + "/" + std::to_string(groups_a_) + "/" + std::to_string(groups_g_);
    info.output = node_.shape;
    info.parameters = int64_t(params_.weight->value.size());
    info.weight_bytes = packed_bytes(info.parameters, format_.w);
    return info;
  }

 private:
  int framed(int side) const { return side + 2 * shape_.pad; }
  static const int16_t* words(PaddedImage& image, int y) { return reinterpret_cast<const int16_t*>(image.pixel(y, 0)); }

  std::vector<int32_t> tap_offsets(PaddedImage& image) const {
    std::vector<int32_t> offsets;
    for (int dy = 0; dy < shape_.kh; ++dy)
      for (int dx = 0; dx < shape_.kw; ++dx) offsets.push_back((dy * image.w + dx) * shape_.in.c);
    return offsets;
  }

  void load(Context& ctx, int i, Buffer<uint8_t>& bytes, PaddedImage& image) const {
    const Codes& x = ctx.values[node_.input].codes;
    image.shape(framed(shape_.in.h), framed(shape_.in.w), shape_.pad, shape_.pad, shape_.in.c * 2, 0);
    place_codes(ctx, x, i, shape_.in, true, bytes, image);
  }

  void weight_gradient(Context& ctx, const GradientPlan& plan, int i, ThreadScratch& s, int64_t* total) const {
    const int channels = shape_.out.c, taps = shape_.taps();
    load(ctx, i, s.bytes, s.image);
    const std::vector<int32_t> offsets = tap_offsets(s.image);
    s.dw.resize(size_t(taps) * channels);
    s.dw.fill_bytes(0);
    s.stream.resize(size_t(shape_.out.w) * channels);
    for (int y = 0; y < shape_.out.h; ++y) {
      const int8_t* g = s.g.codes.data() + int64_t(y) * shape_.out.w * channels;
      for (size_t e = 0; e < s.stream.size(); ++e) s.stream[e] = g[e];
      kernels_.gradient({words(s.image, y * shape_.stride), offsets.data(), taps, channels, shape_.stride * channels,
                         shape_.out.w, s.stream.data(), s.dw.data()});
    }
    const int shift = plan.samples - 1 - plan.sample[i];
    for (int e = 0; e < taps * channels; ++e) total[e] += int64_t(s.dw[e]) * (int64_t{1} << shift);
  }

  void input_gradient(Context& ctx, const GradientPlan& plan, const std::vector<int16_t>& flipped, int t, int i,
                      ThreadScratch& s, int32_t* top) {
    const int channels = shape_.out.c, m = plan.sample[i], shift = t + m;
    for (int y = 0; y < shape_.out.h; ++y)
      for (int x = 0; x < shape_.out.w; ++x) {
        int16_t* to = reinterpret_cast<int16_t*>(s.dilated.pixel(y * shape_.stride + shape_.kh - 1 - shape_.pad,
                                                                  x * shape_.stride + shape_.kw - 1 - shape_.pad));
        const int8_t* from = s.g.codes.data() + (int64_t(y) * shape_.out.w + x) * channels;
        for (int c = 0; c < channels; ++c) to[c] = from[c];
      }
    const std::vector<int32_t> offsets = tap_offsets(s.dilated);
    s.sums.resize(size_t(shape_.in.w) * channels);
    for (int y = 0; y < shape_.in.h; ++y) {
      kernels_.row({words(s.dilated, y), offsets.data(), shape_.taps(), channels, channels, shape_.in.w, flipped.data(),
                    s.sums.data()});
      int32_t largest = 0;
      if (shift > 0 && plan.tie_down[i])
        for (int e = 0; e < shape_.in.w * channels; ++e) largest = std::max(largest, std::abs(s.sums[e]--));
      const int32_t a = ctx.norm.narrow(s.sums.data(), shape_.in.w, channels, channels, shift,
                                        dx_.image(i, shape_.in.elements()) + int64_t(y) * shape_.in.w * channels,
                                        {nullptr, nullptr, nullptr});
      *top = std::max(*top, (largest > 0 ? largest : a) >> m);
    }
  }

  int id_;
  const Node node_;
  LayerParams params_;
  Format format_;
  bool needs_input_gradient_;
  const DepthwiseKernels& kernels_;
  ProductShape shape_;
  int groups_w_, groups_a_, groups_g_;
  WeightCodes weights_;
  RightShift shift_;
  Stream dx_;
};

}  // namespace

std::unique_ptr<IntegerLayer> make_depthwise_layer(Context& ctx, int id, LayerParams params, const Format& format,
                                                   bool needs_input_gradient) {
  return std::make_unique<DepthwiseLayer>(ctx, id, params, format, needs_input_gradient);
}

}  // namespace subbyte
