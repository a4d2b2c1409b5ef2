// Batch normalization in L1 or L2 with residual addition and ReLU, forward and backward (docs/method.md, section 4).
// Per element everything is int16 fixed point; reals appear once a channel.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/grid.h"
#include "nn/integer/layer.h"
#include "nn/integer/operands.h"

namespace subbyte {
namespace {

constexpr double kappa = 1.2533141373155003;  // sqrt(pi / 2): mean |t| of a Gaussian times kappa is its deviation
constexpr double epsilon = 1e-5;
constexpr double stream_bound = 16000;        // what real bounds are scaled to: below 2^14, so that a sum of two fits

/// A channel that is nearly always constant has a tiny deviation and values thousands of deviations away, which would take
/// all the levels of the codes, and of the stream that the channel shares with others.
double clip_of(const QuantConfig& quant) {
  constexpr float never = 100;
  if (quant.clip_norm > 0) return quant.clip_norm < never ? quant.clip_norm : 0;
  return quant.norm_bits;
}

int16_t to_int16(double v) { return int16_t(std::clamp(std::floor(v + 0.5), -32767.0, 32767.0)); }

/// Channel constants of the gradient, rounded up in as many of every 16 images as their fraction says. Most are below the
/// stream's unit, and one rounding for the whole batch would leave the gradient a mean that every element shares: small
/// beside an element, large beside what the sums over the batch are made of.
class DitheredConstants {
 public:
  /// `u` in [0, 1): where the first threshold lies, in sixteenths. `stride` orders the thresholds (odd; 0: all the first).
  DitheredConstants(const std::vector<double>& value, double u, int stride) {
    const int channels = int(value.size());
    std::vector<int16_t> rounded(value.size());
    for (int j = 0; j < variants; ++j) {
      const double threshold = stride ? (j * stride % variants + u) / variants : u;
      for (int c = 0; c < channels; ++c) rounded[c] = int16_t(std::clamp(std::floor(value[c] + threshold), -32767.0, 32767.0));
      repeat_channels(rounded.data(), channels, constants_[j]);
    }
  }
  const int16_t* of(int image) const { return constants_[image % variants].data(); }

 private:
  static constexpr int variants = 16;
  Buffer<int16_t> constants_[variants];
};

class NormLayer : public IntegerLayer, public GradientSink {
 public:
  NormLayer(Context& ctx, int id, LayerParams params)
      : id_(id), node_(ctx.config.model.nodes[id]), params_(params), bits_(ctx.config.quant.norm_bits),
        grad_bits_(ctx.config.quant.norm_grad_bits), clip_(clip_of(ctx.config.quant)), l2_(ctx.config.norm == NormKind::l2), channels_(node_.shape.c),
        elements_(node_.shape.elements()) {
    auto state = [&](const char* what, float start) {
      State* state = ctx.add_state(node_.name + what, {channels_});
      state->floats.assign(channels_, start);
      return state;
    };
    mean_ = state(".running_mean", 0);
    deviation_ = state(".running_deviation", 1);
    peak_ = state(".running_peak", 4);
    Value& out = ctx.values[id];
    if (out.codes.bits) quantizer_ = ActivationQuantizer(ctx, node_);
    if (grad_bits_ == 16) out.sink = this;  // narrower gradients are rounded before anything else
    saves_mask_ = node_.relu && node_.residual >= 0;  // without a residual the codes say which elements are positive
  }

  void forward(Context& ctx) override;
  void backward(Context& ctx) override;
  void begin_gradient(Context&, Stream& dx) override;
  void take_gradient(Context&, int thread, int image) override;
  int reads(int image, ReadAhead* ahead) const override;
  void forget() override {
    codes_.clear();
    mask_.clear();
    reduction_.reset();  // of a step that was left half-way
  }
  void scratch(const Context&, ScratchSizes& sizes) const override {
    ScratchSizes::grow(sizes.norm_codes, elements_ + 8);
    ScratchSizes::grow(sizes.stream, elements_);
  }

  LayerInfo info() const override {
    LayerInfo info;
    info.name = node_.name;
    info.kind = std::string(node_kind_name(node_.kind)) + (l2_ ? "-l2" : "-l1");
    info.format = "n" + std::to_string(bits_) + "g" + std::to_string(grad_bits_);
    info.output = node_.shape;
    info.parameters = 2 * channels_;
    info.saved_bytes_per_image = code_bytes() + mask_bytes();
    return info;
  }

 private:
  struct Plan {  // per channel, in units of the input stream
    std::vector<int32_t> mu, pre_shift, limit;
    std::vector<double> fraction, deviation;  // exact mean - mu; D
    std::vector<double> peak;                 // largest |y - mu|
  };
  struct Reduction {  // of the incoming gradient
    std::shared_ptr<Stream> delta;
    bool joined = false;
    GradientJoin join;
    PerThread<int64_t> sums, products;
    PerThread<int32_t> tops;
  };
  void normalize_gradient(Context& ctx, Reduction& reduction);
  void start_reduction(Context&, std::shared_ptr<Stream> delta, GradientJoin join, bool joined);
  void normalize(Context& ctx, Value& in, Value& out, const Value* residual, bool range_known, bool keeps_stream);
  Plan measure(Context&, const Stream& y);
  Plan recall(const Stream& y) const;
  int half() const { return 1 << (15 - bits_); }
  int64_t code_bytes() const { return packed_bytes(elements_, bits_); }  // saved, an image
  int64_t mask_bytes() const { return saves_mask_ ? packed_bytes(elements_, 1) : 0; }
  const uint8_t* saved_codes(Context& ctx, int thread, int image) const {
    const uint8_t* packed = codes_.data() + image * code_bytes();
    if (bits_ == 8) return packed;
    Buffer<uint8_t>& bytes = ctx.scratch[thread]->norm_codes;
    bytes.resize(size_t(elements_) + 8);
    ctx.quantize.unpack(packed, elements_, bits_, bytes.data());
    return bytes.data();
  }
  void round_gradient(Context&, Stream& delta, int32_t top) const;
  int32_t value_of(int32_t y, int16_t mu, int16_t limit, int16_t pow2, int16_t scale, int16_t offset) const;

  int id_;
  const Node node_;
  LayerParams params_;
  int bits_, grad_bits_;
  double clip_;                    // |y - mu| is clipped at so many deviations; 0: never
  bool l2_, saves_mask_;
  int channels_;
  int64_t elements_;
  State *mean_, *deviation_, *peak_;
  ActivationQuantizer quantizer_;
  // saved for backward
  Plan plan_;
  std::vector<double> input_scale_;// of the input stream's channels; empty: all 1
  std::vector<double> unit_;       // real value of 1 of the input stream, by channel
  std::vector<int64_t> sign_sum_;
  Buffer<uint8_t> codes_, mask_;   // packed; the mask only where a residual is added
  Buffer<int16_t> scale_, offset_; // of z, repeated: with the codes they say what the mask would
  Stream dy_, delta_;
  std::optional<Reduction> reduction_;
};

NormLayer::Plan NormLayer::measure(Context& ctx, const Stream& y) {
  const double n = double(ctx.images) * (elements_ / channels_);
  Plan p;
  p.mu.resize(channels_);
  p.fraction.resize(channels_);
  std::vector<int16_t> mu(channels_);
  for (int c = 0; c < channels_; ++c) {
    const double mean = double(y.sum[c]) / n;
    p.mu[c] = int32_t(std::floor(mean + 0.5));
    p.fraction[c] = mean - p.mu[c];
    mu[c] = int16_t(p.mu[c]);
  }
  Buffer<int16_t> mu_period;
  repeat_channels(mu.data(), channels_, mu_period);
  PerThread<int64_t> part(ctx.pool.size(), channels_);
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::deviation);
    timer.work(0, (end - begin) * 2 * elements_);
    for (int i = begin; i < end; ++i)
      ctx.norm.deviation(y.image(i, elements_), elements_, channels_, mu_period.data(), l2_, part.at(thread));
  });
  const std::vector<int64_t> total = part.sum(ctx.pool.size());
  for (int c = 0; c < channels_; ++c) {
    const double spread = double(total[c]) / n, unit = unit_[c];
    p.deviation.push_back(l2_ ? std::sqrt(spread - p.fraction[c] * p.fraction[c] + epsilon / (unit * unit))
                              : kappa * spread + epsilon / unit);
    p.peak.push_back(std::max(y.high[c] - p.mu[c], p.mu[c] - y.low[c]));
    if (clip_ > 0) p.peak[c] = std::min(p.peak[c], std::ceil(clip_ * p.deviation[c]));
    mean_->floats[c] = ctx.running(mean_->floats[c], (p.mu[c] + p.fraction[c]) * unit);
    deviation_->floats[c] = ctx.running(deviation_->floats[c], p.deviation[c] * unit);
    peak_->floats[c] = ctx.running(peak_->floats[c], p.peak[c] * unit);
  }
  return p;
}

NormLayer::Plan NormLayer::recall(const Stream&) const {
  Plan p;
  for (int c = 0; c < channels_; ++c) {
    const double mean = std::clamp(mean_->floats[c] / unit_[c], -16383.0, 16383.0);
    p.mu.push_back(int32_t(std::floor(mean + 0.5)));
    p.fraction.push_back(mean - p.mu[c]);
    p.deviation.push_back(std::max(deviation_->floats[c] / unit_[c], 1e-6));
    p.peak.push_back(std::clamp(std::floor(peak_->floats[c] / unit_[c] + 0.5), 0.0, 32766.0));
  }
  return p;
}

void NormLayer::forward(Context& ctx) {
  Value& in = ctx.values[node_.input];
  Value& out = ctx.values[id_];
  const Value* residual = node_.residual >= 0 ? &ctx.values[node_.residual] : nullptr;
  // Where the range of z is known before the pass, its codes are written while an image is at hand.
  const bool range_known = out.codes.bits && (!ctx.training || !residual || quantizer_.limits(ctx));
  const bool keeps_stream = out.stream_readers > 0 || (out.codes.bits && !range_known);
  forget();
  if (ctx.training) {
    codes_ = ctx.memory.take(BlockUse::norm_codes, code_bytes() * ctx.images);
    if (saves_mask_) mask_ = ctx.memory.take(BlockUse::mask, mask_bytes() * ctx.images);
  }
  if (keeps_stream) out.stream.memory = in.stream.memory;  // in place: nobody reads y again
  if (!ctx.planning()) normalize(ctx, in, out, residual, range_known, keeps_stream);
  else if (out.codes.bits) quantizer_.plan(ctx, out, {});
  in.stream.memory.reset();
}

void NormLayer::normalize(Context& ctx, Value& in, Value& out, const Value* residual, bool range_known, bool keeps_stream) {
  const Stream& y = in.stream;
  unit_.resize(channels_);
  for (int c = 0; c < channels_; ++c)
    unit_[c] = std::ldexp(y.scale, y.channel_shift.empty() ? 0 : -y.channel_shift[c]) *
               (y.channel_scale.empty() ? 1.0 : y.channel_scale[c]);
  input_scale_ = y.channel_scale;
  plan_ = ctx.training ? measure(ctx, y) : recall(y);
  const float* gamma = params_.weight->value.data();
  const float* beta = params_.bias->value.data();
  const double residual_bound = residual ? residual->stream.scale * residual->stream.top : 0;
  double bound = 0;
  plan_.pre_shift.resize(channels_);
  const int32_t room = 32767 - half();
  for (int c = 0; c < channels_; ++c) {
    int k = 0;
    while (k < 14 && plan_.peak[c] > 0 && std::ldexp(plan_.peak[c], k + 1) <= room) ++k;
    plan_.pre_shift[c] = k;
    const double reach = plan_.peak[c] > 0 ? plan_.peak[c] + 1 + std::ldexp(half(), -k) : 0;  // rounding of q included
    const double z = std::fabs(gamma[c]) * reach / plan_.deviation[c] + std::fabs(beta[c]);
    if (!std::isfinite(z)) throw Error("layer '" + node_.name + "': found a scale or offset that is not finite");
    bound = std::max(bound, z);
  }
  out.stream.scale = (bound + residual_bound) > 0 ? (bound + residual_bound) / stream_bound : 1;
  out.stream.channel_shift.clear();
  out.stream.channel_scale.clear();
  std::vector<int16_t> mu(channels_), limit(channels_), pow2(channels_), scale(channels_), offset(channels_);
  for (int c = 0; c < channels_; ++c) {
    const int k = plan_.pre_shift[c];
    mu[c] = int16_t(plan_.mu[c]);
    limit[c] = int16_t(std::min<double>(room >> k, plan_.peak[c] + 1));
    pow2[c] = int16_t(1 << k);
    const double a = plan_.peak[c] > 0 ? gamma[c] / (plan_.deviation[c] * out.stream.scale) : 0;  // 0: a constant channel
    scale[c] = to_int16(std::ldexp(a, 15 - k));
    offset[c] = to_int16(beta[c] / out.stream.scale - a * plan_.fraction[c]);
  }
  Buffer<int16_t> mu_p, limit_p, pow2_p;
  repeat_channels(mu.data(), channels_, mu_p);
  repeat_channels(limit.data(), channels_, limit_p);
  repeat_channels(pow2.data(), channels_, pow2_p);
  repeat_channels(scale.data(), channels_, scale_);
  repeat_channels(offset.data(), channels_, offset_);
  Rescale join;
  if (residual) join = make_rescale(residual->stream.top, residual->stream.scale / out.stream.scale);

  if (range_known) {
    std::vector<int32_t> top(channels_, 0);
    const int32_t more = residual ? int32_t(std::ceil(residual_bound / out.stream.scale)) + 1 : 0;
    for (int c = 0; c < channels_ && ctx.training; ++c) {
      for (int32_t end : {y.low[c], y.high[c]})
        top[c] = std::max(top[c], std::abs(value_of(end, mu[c], limit[c], pow2[c], scale[c], offset[c])));
      top[c] = std::min(top[c] + more, 32767);
    }
    quantizer_.plan(ctx, out, top);
    quantizer_.begin_energy(ctx, channels_);
  }
  const bool direct = ctx.training && bits_ == 8;  // bytes need no packing
  PerThread<int64_t> signs(ctx.pool.size(), channels_);
  PerThread<int32_t> top(ctx.pool.size(), channels_);
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::normalize);
    timer.work(0, (end - begin) * ((residual ? 4 : 2) * elements_ + (keeps_stream ? 2 * elements_ : 0) +
                                   (ctx.training ? code_bytes() + mask_bytes() : 0) + (range_known ? out.codes.image_bytes : 0)));
    ThreadScratch& s = *ctx.scratch[thread];
    s.norm_codes.resize(size_t(elements_) + 8);
    if (!keeps_stream) s.stream.resize(size_t(elements_));
    for (int i = begin; i < end; ++i) {
      int16_t* z = keeps_stream ? out.stream.image(i, elements_) : s.stream.data();
      NormForward f{mu_p.data(), limit_p.data(), pow2_p.data(), scale_.data(), offset_.data(), channels_, bits_,
                    residual ? residual->stream.image(i, elements_) : nullptr, join.pow2, join.multiplier, node_.relu,
                    z, direct ? codes_.data() + i * code_bytes() : s.norm_codes.data(),
                    ctx.training && saves_mask_ ? mask_.data() + i * mask_bytes() : nullptr, signs.at(thread),
                    top.at(thread), nullptr, keeps_stream || (range_known && quantizer_.counts(ctx, i))};
      NormCodes codes;
      if (range_known) {
        codes = quantizer_.image_codes(ctx, out, i);
        f.codes = &codes;
      }
      ctx.norm.forward(y.image(i, elements_), elements_, f);
      if (range_known) quantizer_.add_energy(ctx, thread, i, elements_, channels_, z);
      if (ctx.training && !direct) ctx.quantize.pack(s.norm_codes.data(), elements_, bits_, codes_.data() + i * code_bytes());
    }
  });
  if (range_known) quantizer_.finish_energy(ctx, elements_ / channels_, out.stream.scale);
  sign_sum_ = signs.sum(ctx.pool.size());
  const std::vector<int32_t> channel_top = top.max(ctx.pool.size());
  // In evaluation a constant bound, so that an image's result does not depend on the others of its batch.
  out.stream.top = ctx.training ? std::max(1, *std::max_element(channel_top.begin(), channel_top.end())) : 16383;
  if (out.codes.bits && !range_known) quantizer_.run(ctx, out, channel_top);
}

/// z of one y: what the forward pass computes for every element (kernels/norm/norm.h).
int32_t NormLayer::value_of(int32_t y, int16_t mu, int16_t limit, int16_t pow2, int16_t scale, int16_t offset) const {
  const int shift = 16 - bits_;
  const int32_t t = std::clamp<int32_t>(y - mu, -limit, limit) * pow2, q = (t + (1 << (shift - 1))) >> shift;
  const int32_t z = multiply_high(int16_t(q * (1 << shift)), scale) + offset;
  return node_.relu ? std::max(z, 0) : z;
}

/// Stochastic rounding of delta to the leading bits of its range: every element keeps grad_bits_ significant positions.
void NormLayer::round_gradient(Context& ctx, Stream& delta, int32_t top) const {
  int drop = 0;
  while ((top >> drop) >= (1 << (grad_bits_ - 1))) ++drop;
  if (drop == 0) return;
  const int64_t chunks = (elements_ + 127) / 128;
  ctx.pool.share(ctx.images, [&](int, int begin, int end) {
    Buffer<uint16_t> random(size_t(chunks) * 128);
    for (int i = begin; i < end; ++i) {
      ctx.quantize.random(ctx.random_stream(RandomUse::norm_gradient, uint32_t(id_), uint32_t(i * chunks * 16)), elements_,
                          random.data());
      int16_t* d = delta.image(i, elements_);
      for (int64_t e = 0; e < elements_; ++e)
        if (d[e]) d[e] = int16_t(std::min((d[e] + (random[e] >> (16 - drop))) >> drop, (1 << (15 - drop)) - 1) << drop);
    }
  });
}

void NormLayer::start_reduction(Context& ctx, std::shared_ptr<Stream> delta, GradientJoin join, bool joined) {
  const int threads = ctx.pool.size();
  reduction_.emplace(Reduction{std::move(delta), joined, join, PerThread<int64_t>(threads, channels_),
                               PerThread<int64_t>(threads, channels_), PerThread<int32_t>(threads, 1)});
}

void NormLayer::begin_gradient(Context& ctx, Stream& dx) {
  Value& out = ctx.values[id_];
  auto delta = std::make_shared<Stream>();
  if (out.gradients.empty()) {
    *delta = dx;
    start_reduction(ctx, delta, {}, false);
  } else {
    const GradientJoin join = join_gradients(*out.gradients[0], dx, *delta);
    start_reduction(ctx, delta, join, true);
  }
}

void NormLayer::take_gradient(Context& ctx, int thread, int image) {
  PhaseTimer timer(ctx.profile, thread, id_, Phase::reduce);
  Reduction& r = *reduction_;
  timer.work(0, (r.joined ? 8 : 4) * elements_ + code_bytes() + mask_bytes());
  int16_t* d = r.delta->image(image, elements_);
  if (r.joined) r.join.run(ctx, image, elements_, d);
  const bool by_code = node_.relu && !saves_mask_;
  ctx.norm.reduce(elements_, {d, saves_mask_ ? mask_.data() + image * mask_bytes() : nullptr, saved_codes(ctx, thread, image),
                              channels_, bits_, r.sums.at(thread), r.products.at(thread), r.tops.at(thread),
                              by_code ? scale_.data() : nullptr, offset_.data()});
}

int NormLayer::reads(int image, ReadAhead* ahead) const {
  int count = 0;
  ahead[count++] = {codes_.data() + image * code_bytes(), code_bytes()};
  if (saves_mask_) ahead[count++] = {mask_.data() + image * mask_bytes(), mask_bytes()};
  if (reduction_->joined) ahead[count++] = {reduction_->join.a->image(image, elements_), elements_ * 2};
  return count;
}

void NormLayer::backward(Context& ctx) {
  Value& out = ctx.values[id_];
  if (!reduction_) {  // no product handed its images over
    if (out.gradients.empty()) throw Error("layer '" + node_.name + "': no gradient reaches it");
    if (out.gradients.size() == 2 && grad_bits_ == 16) {
      auto delta = std::make_shared<Stream>();
      const GradientJoin join = join_gradients(*out.gradients[0], *out.gradients[1], *delta);
      start_reduction(ctx, delta, join, true);
    } else {
      start_reduction(ctx, gather_gradients(ctx, out), {}, false);
    }
    if (!ctx.planning()) {
      if (grad_bits_ < 16) round_gradient(ctx, *reduction_->delta, reduction_->delta->top);
      ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
        for (int i = begin; i < end; ++i) take_gradient(ctx, thread, i);
      });
    }
  }
  Reduction reduction = std::move(*reduction_);
  reduction_.reset();
  if (reduction.joined) {
    reduction.join.a->memory.reset();
    reduction.join.b->memory.reset();
  }
  out.gradients.clear();
  const std::shared_ptr<Stream> delta = reduction.delta;
  // In place, unless the residual's gradient is delta itself.
  dy_.memory = node_.residual < 0 ? delta->memory : ctx.memory.take(elements_ * ctx.images);
  if (!ctx.planning()) normalize_gradient(ctx, reduction);
  ctx.values[node_.input].gradients.push_back(&dy_);
  if (node_.residual >= 0) {
    delta_ = std::move(*delta);
    ctx.values[node_.residual].gradients.push_back(&delta_);
  }
}

void NormLayer::normalize_gradient(Context& ctx, Reduction& reduction) {
  const int threads = ctx.pool.size();
  Stream* const delta = reduction.delta.get();
  const std::vector<int64_t> sum = reduction.sums.sum(threads), product = reduction.products.sum(threads);
  delta->top = reduction.tops.max(threads)[0];

  const double n = double(ctx.images) * (elements_ / channels_);
  const float* gamma = params_.weight->value.data();
  std::vector<double> scale(channels_), mean(channels_), slope(channels_);  // real, per unit of delta's scale
  double bound = 0;
  for (int c = 0; c < channels_; ++c) {
    const double d = plan_.deviation[c], step = std::ldexp(1.0, 16 - bits_ - plan_.pre_shift[c]);  // of a code, input units
    const double sum_y = (double(product[c]) * step - double(sum[c]) * plan_.fraction[c]) / d;     // sum delta y
    params_.weight->grad[c] = float(sum_y * delta->scale);
    params_.bias->grad[c] = float(double(sum[c]) * delta->scale);
    scale[c] = plan_.peak[c] > 0 ? gamma[c] / (d * unit_[c]) * (input_scale_.empty() ? 1.0 : input_scale_[c]) : 0;
    const double mean_y = sum_y / n;
    if (l2_) {
      slope[c] = scale[c] * mean_y / d;  // times (y - mu) in input units
      mean[c] = scale[c] * double(sum[c]) / n;
      bound = std::max(bound, std::fabs(scale[c]) * delta->top + std::fabs(mean[c]) + std::fabs(slope[c]) * (plan_.peak[c] + 1));
    } else {
      slope[c] = scale[c] * kappa * mean_y;
      mean[c] = scale[c] * double(sum[c]) / n - slope[c] * double(sign_sum_[c]) / n;
      bound = std::max(bound, std::fabs(scale[c]) * delta->top + std::fabs(mean[c]) + std::fabs(slope[c]));
    }
  }
  dy_.scale = bound > 0 ? bound * delta->scale / stream_bound : 1;
  const double ratio = bound > 0 ? stream_bound / bound : 0;
  const int k = std::min(headroom_shift(delta->top), 14);
  std::vector<int16_t> scale16(channels_);
  for (int c = 0; c < channels_; ++c) {
    scale16[c] = to_int16(std::ldexp(scale[c] * ratio, 15 - k));
    mean[c] *= ratio;
    slope[c] = l2_ ? std::ldexp(slope[c] * ratio, 15 - plan_.pre_shift[c]) : slope[c] * ratio;
  }
  Buffer<int16_t> scale_p;
  repeat_channels(scale16.data(), channels_, scale_p);
  const auto words = random_words(ctx.config.seed, RandomUse::norm_constant, uint32_t(ctx.step), uint32_t(id_), 0);
  const DitheredConstants mean_p(mean, uniform01(words[0]), 1), slope_p(slope, l2_ ? 0.5 : uniform01(words[1]), l2_ ? 0 : 5);
  dy_.top = 16383;
  dy_.image_top.assign(size_t(ctx.images) * channels_, 0);
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::norm_backward);
    timer.work(0, (end - begin) * (4 * elements_ + code_bytes()));
    for (int i = begin; i < end; ++i)
      ctx.norm.backward(elements_, {delta->image(i, elements_), saved_codes(ctx, thread, i), scale_p.data(), mean_p.of(i),
                                    slope_p.of(i), channels_, bits_, int16_t(1 << k), l2_, dy_.image(i, elements_),
                                    dy_.image_top.data() + int64_t(i) * channels_});
  });
}

}  // namespace

std::unique_ptr<IntegerLayer> make_norm_layer(Context& ctx, int id, LayerParams params) {
  return std::make_unique<NormLayer>(ctx, id, params);
}

}  // namespace subbyte
