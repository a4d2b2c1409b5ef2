#include "nn/integer/norm.h"

#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/grid.h"

namespace subbyte {
namespace {

constexpr double epsilon = 1e-5;

}  // namespace

NormLayer::NormLayer(Context& ctx, int id, LayerParams params)
    : id_(id),
      node_(ctx.config.model.nodes[id]),
      params_(params),
      bits_(ctx.config.quant.norm_bits),
      grad_bits_(ctx.config.quant.norm_grad_bits),
      clip_(ctx.config.quant.normalization_clip()),
      l2_(ctx.config.norm == NormKind::l2),
      channels_(node_.shape.c),
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
  const int saved = ctx.config.quant.saved_norm_bits(ctx.config.format.a);
  saved_ = {bits_, saved, saved < bits_ && node_.relu && !saves_mask_};
}

LayerInfo NormLayer::info() const {
  LayerInfo info;
  info.name = node_.name;
  info.kind = std::string(node_kind_name(node_.kind)) + (l2_ ? "-l2" : "-l1");
  info.format = "n" + std::to_string(bits_) + (saves_less() ? "s" + std::to_string(saved_.saved_bits) : "") + "g" +
                std::to_string(grad_bits_);
  info.output = node_.shape;
  info.parameters = 2 * channels_;
  info.saved_bytes_per_image = code_bytes() + mask_bytes();
  return info;
}

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
  if (ctx.planning()) {
    if (out.codes.bits) quantizer_.plan(ctx, out, {});
  } else if (ctx.folded && !ctx.training) {
    normalize_folded(ctx, in, out, residual, keeps_stream);
  } else {
    normalize(ctx, in, out, residual, range_known, keeps_stream);
  }
  in.stream.memory.reset();
}

void NormLayer::set_units(const Stream& y) {
  unit_.resize(channels_);
  for (int c = 0; c < channels_; ++c)
    unit_[c] = std::ldexp(y.scale, y.channel_shift.empty() ? 0 : -y.channel_shift[c]) *
               (y.channel_scale.empty() ? 1.0 : y.channel_scale[c]);
}

void NormLayer::normalize(Context& ctx, Value& in, Value& out, const Value* residual, bool range_known, bool keeps_stream) {
  const Stream& y = in.stream;
  set_units(y);
  input_scale_ = y.channel_scale;
  plan_ = ctx.training ? measure(ctx, y) : recall(y);
  const float* gamma = params_.weight->value.data();
  const float* beta = params_.bias->value.data();
  const double residual_bound = residual ? residual->stream.scale * residual->stream.top : 0;
  double bound = 0;
  plan_.pre_shift.resize(channels_);
  // Of the stream, after its shift: what codes hold, and what their saved magnitudes do.
  const int32_t room = 32767 - half(), saved_room = saves_less() ? (saved_.top() << (16 - bits_)) + half() - 1 : room;
  for (int c = 0; c < channels_; ++c) {
    int k = 0;
    while (k < 14 && plan_.peak[c] > 0 && std::ldexp(plan_.peak[c], k + 1) <= saved_room) ++k;
    plan_.pre_shift[c] = k;
    const double reach = plan_.peak[c] > 0 ? plan_.peak[c] + 1 + std::ldexp(half(), -k) : 0;  // rounding of q included
    const double z = std::fabs(gamma[c]) * reach / plan_.deviation[c] + std::fabs(beta[c]);
    if (!std::isfinite(z)) throw Error("layer '" + node_.name + "': found a scale or offset that is not finite");
    bound = std::max(bound, z);
    // What is saved in few bits leaves codes less room, and the scale of z must fit 16 bits all the same.
    if (plan_.peak[c] > 0)
      bound = std::max(bound, std::fabs(gamma[c]) / plan_.deviation[c] * std::ldexp(stream_bound / 32767, 15 - k));
  }
  out.stream.scale = (bound + residual_bound) > 0 ? (bound + residual_bound) / stream_bound : 1;
  out.stream.channel_shift.clear();
  out.stream.channel_scale.clear();
  std::vector<int16_t> mu(channels_), limit(channels_), pow2(channels_), scale(channels_), offset(channels_);
  for (int c = 0; c < channels_; ++c) {
    const int k = plan_.pre_shift[c];
    mu[c] = int16_t(plan_.mu[c]);
    const int32_t most = std::ldexp(plan_.peak[c], k) <= saved_room ? saved_room : room;
    limit[c] = int16_t(std::min<double>(most >> k, plan_.peak[c] + 1));
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
    quantizer_.begin_energy(ctx, elements_ / channels_, channels_);
  }
  const bool direct = ctx.training && saved_.saved_bits == 8;  // bytes need no packing
  PerThread<int64_t> signs(ctx.pool.size(), channels_);
  PerThread<int32_t> top(ctx.pool.size(), channels_);
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::normalize);
    timer.work(0, (end - begin) * ((residual ? 4 : 2) * elements_ + (keeps_stream ? 2 * elements_ : 0) +
                                   (ctx.training ? code_bytes() + mask_bytes() : 0) +
                                   (range_known ? out.codes.image_bytes : 0)));
    ThreadScratch& s = *ctx.scratch[thread];
    s.norm_codes.resize(size_t(elements_) + 8);
    const bool saves = ctx.training && saves_less();
    if (!keeps_stream) s.stream.resize(size_t(elements_));
    for (int i = begin; i < end; ++i) {
      int16_t* z = keeps_stream ? out.stream.image(i, elements_) : s.stream.data();
      SavedImage saved;
      if (saves) saved = saved_image(ctx, thread, i);
      uint8_t* const mask = saves_mask_ ? mask_.data() + i * mask_bytes() : saves && saved_.has_mask ? saved.mask : nullptr;
      NormForward f{mu_p.data(), limit_p.data(), pow2_p.data(), scale_.data(), offset_.data(), channels_, bits_,
                    residual ? residual->stream.image(i, elements_) : nullptr, join.pow2, join.multiplier, node_.relu,
                    z, direct ? codes_.data() + i * code_bytes() : s.norm_codes.data(),
                    ctx.training ? mask : nullptr, signs.at(thread), top.at(thread), nullptr,
                    keeps_stream || (range_known && (quantizer_.has_blocks() || quantizer_.counts(ctx, i))),
                    saves ? &saved : nullptr};
      NormCodes codes;
      if (range_known && !quantizer_.has_blocks()) {
        codes = quantizer_.image_codes(ctx, out, i);
        f.codes = &codes;
      }
      ctx.norm.forward(y.image(i, elements_), elements_, f);
      if (range_known && quantizer_.has_blocks()) quantizer_.image(ctx, out, i, z);
      if (range_known) quantizer_.add_energy(ctx, thread, i, elements_, channels_, z);
      if (ctx.training && !direct && !saves)
        ctx.quantize.pack(s.norm_codes.data(), elements_, bits_, codes_.data() + i * code_bytes());
    }
  });
  if (range_known) quantizer_.finish_energy(ctx, elements_ / channels_, out.stream.scale);
  sign_sum_ = signs.sum(ctx.pool.size());
  const std::vector<int32_t> channel_top = top.max(ctx.pool.size());
  // In evaluation a constant bound, so that an image's result does not depend on the others of its batch.
  out.stream.top = ctx.training ? std::max(1, *std::max_element(channel_top.begin(), channel_top.end())) : 16383;
  if (out.codes.bits && !range_known) quantizer_.run(ctx, out, channel_top);
}

/// Where less than the codes is saved.
SavedImage NormLayer::saved_image(Context& ctx, int thread, int image) {
  ThreadScratch& s = *ctx.scratch[thread];
  s.norm_codes.resize(size_t(elements_) + 8);
  if (saved_.has_mask) s.norm_mask.resize(size_t(packed_bytes(elements_, 1)));
  const auto words = random_words(ctx.config.seed, RandomUse::norm_codes, uint32_t(ctx.step), uint32_t(id_), uint32_t(image));
  return {saved_, codes_.data() + image * code_bytes(), s.norm_codes.data(), s.norm_mask.data(), int(words[0] % 256),
          &ctx.norm_codes, &ctx.quantize};
}

/// z of one y: what the forward pass computes for every element (kernels/norm/norm.h).
int32_t NormLayer::value_of(int32_t y, int16_t mu, int16_t limit, int16_t pow2, int16_t scale, int16_t offset) const {
  const int shift = 16 - bits_;
  const int32_t t = std::clamp<int32_t>(y - mu, -limit, limit) * pow2, q = (t + (1 << (shift - 1))) >> shift;
  const int32_t z = multiply_high(int16_t(q * (1 << shift)), scale) + offset;
  return node_.relu ? std::max(z, 0) : z;
}

std::unique_ptr<IntegerLayer> make_norm_layer(Context& ctx, int id, LayerParams params) {
  return std::make_unique<NormLayer>(ctx, id, params);
}

}  // namespace subbyte
