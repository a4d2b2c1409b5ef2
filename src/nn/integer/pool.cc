// Pooling on int16 streams. Max pooling saves the position of each maximum inside its window, packed; average pooling
// saves nothing. Backward sums of overlapping windows are halved until they fit.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "nn/integer/layer.h"

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
      : id_(id), node_(ctx.config.model.nodes[id]), maximum_(maximum), in_(ctx.values[node_.input].shape), out_(node_.shape) {
    kh_ = node_.kind == NodeKind::global_avg_pool ? in_.h : node_.kernel_h;
    kw_ = node_.kind == NodeKind::global_avg_pool ? in_.w : node_.kernel_w;
    stride_ = node_.kind == NodeKind::global_avg_pool ? 1 : node_.stride;
    if (kh_ * kw_ > 256 && maximum_) throw UsageError("layer '" + node_.name + "': max pooling windows have at most 256 elements");
    Value& value = ctx.values[id];
    if (value.codes.bits) quantizer_ = ActivationQuantizer(ctx, node_);
    position_bits_ = std::max(1, log2_ceil(kh_ * kw_));
    const int across = (kh_ + stride_ - 1) / stride_, along = (kw_ + stride_ - 1) / stride_;
    overlap_shift_ = log2_ceil(across * along);
  }

  void forward(Context& ctx) override {
    Value& in = ctx.values[node_.input];
    Value& value = ctx.values[id_];
    const int64_t elements = out_.elements(), in_elements = in_.elements();
    value.stream.memory = ctx.streams.take(elements * ctx.images);
    const int shift = maximum_ ? 0 : log2_ceil(kh_ * kw_);
    value.stream.scale = maximum_ ? in.stream.scale : std::ldexp(in.stream.scale, shift) / (kh_ * kw_);
    const int64_t bytes = packed_bytes(elements, position_bits_);
    if (maximum_ && ctx.training) positions_.resize(size_t(bytes) * ctx.images);
    PerThread<int32_t> top(ctx.pool.size(), out_.c);
    ctx.pool.run(ctx.images, [&](int thread, int begin, int end) {
      Buffer<uint8_t> where(size_t(elements) + 8);
      std::vector<int32_t> sum(out_.c);
      for (int i = begin; i < end; ++i) {
        if (maximum_) maxima(in.stream.image(i, in_elements), value.stream.image(i, elements), where.data());
        else averages(in.stream.image(i, in_elements), shift, sum, value.stream.image(i, elements));
        if (maximum_ && ctx.training)
          ctx.quantize.pack(where.data(), elements, position_bits_, positions_.data() + i * bytes);
        ctx.quantize.channel_max(value.stream.image(i, elements), elements, out_.c, top.at(thread));
      }
    });
    const std::vector<int32_t> channel_top = top.max(ctx.pool.size());
    value.stream.top = ctx.training ? std::max(1, *std::max_element(channel_top.begin(), channel_top.end())) : in.stream.top;
    if (value.codes.bits) quantizer_.run(ctx, value, channel_top);
  }

  void backward(Context& ctx) override {
    const std::shared_ptr<Stream> delta = gather_gradients(ctx, ctx.values[id_]);
    if (!delta) throw Error("layer '" + node_.name + "': no gradient reaches it");
    const int64_t elements = out_.elements(), in_elements = in_.elements(), bytes = packed_bytes(elements, position_bits_);
    dx_.memory = ctx.streams.take(in_elements * ctx.images);
    dx_.scale = std::ldexp(delta->scale, overlap_shift_) / (maximum_ ? 1 : kh_ * kw_);
    dx_.top = delta->top + 1;
    ctx.pool.run(ctx.images, [&](int, int begin, int end) {
      Buffer<uint8_t> where(size_t(elements) + 8);
      Buffer<int32_t> sum{size_t(in_elements)};
      for (int i = begin; i < end; ++i) {
        if (maximum_) ctx.quantize.unpack(positions_.data() + i * bytes, elements, position_bits_, where.data());
        scatter(delta->image(i, elements), where.data(), sum, dx_.image(i, in_elements));
      }
    });
    ctx.values[node_.input].gradients.push_back(&dx_);
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
  /// Calls f(window index, input pixel) for the pixels of output (y, x) that lie inside the image.
  template <class F>
  void window(int y, int x, F f) const {
    for (int dy = 0; dy < kh_; ++dy)
      for (int dx = 0; dx < kw_; ++dx) {
        const int iy = y * stride_ - node_.pad + dy, ix = x * stride_ - node_.pad + dx;
        if (iy >= 0 && iy < in_.h && ix >= 0 && ix < in_.w) f(dy * kw_ + dx, int64_t(iy) * in_.w + ix);
      }
  }

  /// The first maximum of a window wins.
  void maxima(const int16_t* in, int16_t* out, uint8_t* where) const {
    const int channels = out_.c;
    for (int y = 0; y < out_.h; ++y)
      for (int x = 0; x < out_.w; ++x) {
        int16_t* best = out + (int64_t(y) * out_.w + x) * channels;
        uint8_t* at = where + (int64_t(y) * out_.w + x) * channels;
        bool first = true;
        window(y, x, [&](int index, int64_t pixel) {
          const int16_t* v = in + pixel * channels;
          for (int c = 0; c < channels; ++c) {
            const bool more = first || v[c] > best[c];
            best[c] = more ? v[c] : best[c];
            at[c] = more ? uint8_t(index) : at[c];
          }
          first = false;
        });
      }
  }

  void averages(const int16_t* in, int shift, std::vector<int32_t>& sum, int16_t* out) const {
    const int channels = out_.c, half = shift ? 1 << (shift - 1) : 0;
    for (int y = 0; y < out_.h; ++y)
      for (int x = 0; x < out_.w; ++x) {
        std::fill(sum.begin(), sum.end(), half);
        window(y, x, [&](int, int64_t pixel) {
          for (int c = 0; c < channels; ++c) sum[c] += in[pixel * channels + c];
        });
        for (int c = 0; c < channels; ++c) out[(int64_t(y) * out_.w + x) * channels + c] = int16_t(sum[c] >> shift);
      }
  }

  void scatter(const int16_t* delta, const uint8_t* where, Buffer<int32_t>& sum, int16_t* dx) const {
    const int channels = out_.c, half = overlap_shift_ ? 1 << (overlap_shift_ - 1) : 0;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] = half;
    for (int y = 0; y < out_.h; ++y)
      for (int x = 0; x < out_.w; ++x) {
        const int64_t o = (int64_t(y) * out_.w + x) * channels;
        window(y, x, [&](int index, int64_t pixel) {
          int32_t* to = sum.data() + pixel * channels;
          for (int c = 0; c < channels; ++c) to[c] += !maximum_ || where[o + c] == index ? delta[o + c] : 0;
        });
      }
    for (size_t i = 0; i < sum.size(); ++i) dx[i] = int16_t(sum[i] >> overlap_shift_);
  }

  int id_;
  const Node node_;
  bool maximum_;
  Shape in_, out_;
  int kh_ = 1, kw_ = 1, stride_ = 1, position_bits_ = 1, overlap_shift_ = 0;
  ActivationQuantizer quantizer_;
  Buffer<uint8_t> positions_;
  Stream dx_;
};

}  // namespace

std::unique_ptr<IntegerLayer> make_max_pool_layer(Context& ctx, int id) { return std::make_unique<PoolLayer>(ctx, id, true); }
std::unique_ptr<IntegerLayer> make_average_pool_layer(Context& ctx, int id) { return std::make_unique<PoolLayer>(ctx, id, false); }

}  // namespace subbyte
