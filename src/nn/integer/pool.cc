// Pooling on int16 streams (kernels/pool). Max pooling saves the position of each maximum inside its window, packed;
// average pooling saves nothing. Backward sums of overlapping windows are halved until they fit.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/pool/pool.h"
#include "nn/integer/layer.h"
#include "nn/integer/operands.h"

namespace subbyte {
namespace {

/// Smallest k with 2^k >= n.
int log2_ceil(int n) {
  int k = 0;
  while ((1 << k) < n) ++k;
  return k;
}

class PoolLayer : public IntegerLayer {
 public:
  PoolLayer(Context& ctx, int id, bool maximum)
      : id_(id), node_(ctx.config.model.nodes[id]), maximum_(maximum), kernels_(pool_kernels(ctx.isa)), out_(node_.shape) {
    const Shape in = ctx.values[node_.input].shape;
    const bool global = node_.kind == NodeKind::global_avg_pool;
    const int kh = global ? in.h : node_.kernel_h, kw = global ? in.w : node_.kernel_w, stride = global ? 1 : node_.stride;
    if (kh * kw > 256 && maximum_)
      throw UsageError("layer '" + node_.name + "': max pooling windows have at most 256 elements");
    windows_ = {in.h, in.w, out_.h, out_.w, out_.c, kh, kw, stride, node_.pad};
    in_elements_ = in.elements();
    if (ctx.values[id].codes.bits) quantizer_ = ActivationQuantizer(ctx, node_);
    position_bits_ = std::max(1, log2_ceil(kh * kw));
    const int across = (kh + stride - 1) / stride, along = (kw + stride - 1) / stride;
    overlap_shift_ = log2_ceil(across * along);
  }

  void forward(Context& ctx) override {
    Value& in = ctx.values[node_.input];
    Value& value = ctx.values[id_];
    const int64_t elements = out_.elements(), bytes = packed_bytes(elements, position_bits_);
    value.stream.memory = ctx.memory.take(elements * ctx.images);
    const int shift = maximum_ ? 0 : log2_ceil(window());
    value.stream.scale = maximum_ ? in.stream.scale : std::ldexp(in.stream.scale, shift) / window();
    forget();
    if (maximum_ && ctx.training) positions_ = ctx.memory.take(BlockUse::positions, bytes * ctx.images);
    if (ctx.planning()) {
      if (value.codes.bits) quantizer_.plan(ctx, value, {});
      return;
    }
    PerThread<int32_t> top(ctx.pool.size(), out_.c);
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      PhaseTimer timer(ctx.profile, thread, id_, Phase::pool);
      Buffer<uint8_t>& where = where_of(ctx, thread);
      for (int i = begin; i < end; ++i) {
        const int16_t* from = in.stream.image(i, in_elements_);
        int16_t* to = value.stream.image(i, elements);
        if (maximum_) {
          kernels_.max(windows_, from, to, where.data());
          if (ctx.training) ctx.quantize.pack(where.data(), elements, position_bits_, positions_.data() + i * bytes);
        } else {
          kernels_.average(windows_, from, shift, to);
        }
        ctx.quantize.channel_max(to, elements, out_.c, top.at(thread));
      }
      timer.work(0, int64_t(end - begin) * (2 * (in_elements_ + elements) + (maximum_ && ctx.training ? bytes : 0)));
    });
    const std::vector<int32_t> channel_top = top.max(ctx.pool.size());
    value.stream.top = ctx.training ? std::max(1, *std::max_element(channel_top.begin(), channel_top.end())) : in.stream.top;
    if (value.codes.bits) quantizer_.run(ctx, value, channel_top);
  }

  void backward(Context& ctx) override {
    const std::shared_ptr<Stream> delta = gather_gradients(ctx, ctx.values[id_]);
    if (!delta) throw Error("layer '" + node_.name + "': no gradient reaches it");
    dx_.memory = ctx.memory.take(in_elements_ * ctx.images);
    // The last contribution to a normalization's gradient is handed over image by image, while the caches hold it.
    Value& input = ctx.values[node_.input];
    GradientSink* const sink = input.first_reader == id_ ? input.sink : nullptr;
    if (!ctx.planning()) compute_gradient(ctx, *delta, sink);
    else if (sink) sink->begin_gradient(ctx, dx_);
    if (sink) dx_.memory.reset();
    else input.gradients.push_back(&dx_);
  }

  void forget() override { positions_.clear(); }

  void scratch(const Context&, ScratchSizes& sizes) const override {
    if (maximum_) ScratchSizes::grow(sizes.positions, out_.elements() + 8);
  }

  LayerInfo info() const override {
    LayerInfo info;
    info.name = node_.name;
    info.kind = node_kind_name(node_.kind);
    info.format = "int16";
    info.output = out_;
    info.saved_bytes_per_image = maximum_ ? packed_bytes(out_.elements(), position_bits_) : 0;
    return info;
  }

 private:
  void compute_gradient(Context& ctx, const Stream& delta, GradientSink* sink) {
    dx_.scale = std::ldexp(delta.scale, overlap_shift_) / (maximum_ ? 1 : window());
    dx_.top = delta.top + 1;
    if (sink) sink->begin_gradient(ctx, dx_);
    ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
      for (int i = begin; i < end; ++i) {
        backward_image(ctx, delta, thread, i);
        if (sink) sink->take_gradient(ctx, thread, i);
      }
    });
  }

  void backward_image(Context& ctx, const Stream& delta, int thread, int i) {
    const int64_t elements = out_.elements(), bytes = packed_bytes(elements, position_bits_);
    PhaseTimer timer(ctx.profile, thread, id_, Phase::pool);
    timer.work(0, 2 * (in_elements_ + elements) + (maximum_ ? bytes : 0));
    const int16_t* from = delta.image(i, elements);
    int16_t* to = dx_.image(i, in_elements_);
    if (maximum_) {
      Buffer<uint8_t>& where = where_of(ctx, thread);
      ctx.quantize.unpack(positions_.data() + i * bytes, elements, position_bits_, where.data());
      kernels_.max_back(windows_, from, where.data(), overlap_shift_, to);
    } else {
      kernels_.average_back(windows_, from, overlap_shift_, to);
    }
  }

  Buffer<uint8_t>& where_of(Context& ctx, int thread) const {  // one image's positions
    Buffer<uint8_t>& where = ctx.scratch[thread]->positions;
    if (maximum_) where.resize(size_t(out_.elements()) + 8);
    return where;
  }
  int window() const { return windows_.kernel_h * windows_.kernel_w; }

  int id_;
  const Node node_;
  bool maximum_;
  const PoolKernels& kernels_;
  Shape out_;
  PoolWindows windows_;
  int64_t in_elements_ = 0;
  int position_bits_ = 1, overlap_shift_ = 0;
  ActivationQuantizer quantizer_;
  Buffer<uint8_t> positions_;
  Stream dx_;
};

}  // namespace

std::unique_ptr<IntegerLayer> make_max_pool_layer(Context& ctx, int id) { return std::make_unique<PoolLayer>(ctx, id, true); }
std::unique_ptr<IntegerLayer> make_average_pool_layer(Context& ctx, int id) {
  return std::make_unique<PoolLayer>(ctx, id, false);
}

}  // namespace subbyte
