// A normalization in evaluation as a deployed network has it: folded into the product before it (docs/method.md, section 4).
#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/norm.h"

namespace subbyte {
namespace {

constexpr int most_shift = 15;  // offsets then stay below 2^30, so that their sum with 15 bits times 14 fits 32

/// z = clamp((y * scale + offset) >> shift, low, high), by channel.
struct Folding {
  explicit Folding(int channels) : scale(channels), shift(channels), low(channels), high(channels), offset(channels) {}
  std::vector<int16_t> scale, shift, low, high;
  std::vector<int32_t> offset;
};

}  // namespace

void NormLayer::normalize_folded(Context& ctx, Value& in, Value& out, const Value* residual, bool keeps_stream) {
  set_units(in.stream);
  const Plan p = recall(in.stream);
  const float* gamma = params_.weight->value.data();
  const float* beta = params_.bias->value.data();
  const double residual_bound = residual ? residual->stream.scale * residual->stream.top : 0;
  double bound = 0;
  for (int c = 0; c < channels_; ++c)
    bound = std::max(bound, std::fabs(gamma[c]) * p.peak[c] / p.deviation[c] + std::fabs(beta[c]));
  if (!std::isfinite(bound)) throw Error("layer '" + node_.name + "': found a scale or offset that is not finite");
  bound += residual_bound;
  const double unit = out.codes.bits ? quantizer_.shifting_unit(out, bound, stream_bound) : bound > 0 ? bound / stream_bound : 1;
  out.stream.scale = unit;
  out.stream.top = int32_t(std::ceil(bound / unit)) + 2;  // three roundings
  out.stream.channel_shift.clear();
  out.stream.channel_scale.clear();

  Folding f(channels_);
  for (int c = 0; c < channels_; ++c) {
    const double slope = p.peak[c] > 0 ? gamma[c] / (p.deviation[c] * unit) : 0, at_mean = beta[c] / unit;
    int s = most_shift;
    while (s > 0 && std::fabs(std::ldexp(slope, s)) > 32767) --s;
    f.shift[c] = int16_t(s);
    f.scale[c] = to_int16(std::ldexp(slope, s));
    const double mean = p.mu[c] + p.fraction[c], half = s > 0 ? std::ldexp(1, s - 1) : 0;
    f.offset[c] = int32_t(std::floor(std::ldexp(at_mean, s) - f.scale[c] * mean + half + 0.5));
    const double reach = std::fabs(slope) * p.peak[c], floor = node_.relu && !residual ? 0.0 : -32767.0;
    f.low[c] = to_int16(std::max(at_mean - reach, floor));
    f.high[c] = to_int16(std::max(at_mean + reach, floor));
  }
  Buffer<int16_t> scale, shift, low, high;
  Buffer<int32_t> offset;
  repeat_channels(f.scale.data(), channels_, scale);
  repeat_channels(f.shift.data(), channels_, shift);
  repeat_channels(f.low.data(), channels_, low);
  repeat_channels(f.high.data(), channels_, high);
  repeat_channels(f.offset.data(), channels_, offset);
  Rescale join;
  if (residual) join = make_rescale(residual->stream.top, residual->stream.scale / unit);
  if (out.codes.bits) quantizer_.plan(ctx, out, std::vector<int32_t>(channels_));

  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, id_, Phase::normalize);
    timer.work(0, (end - begin) * ((residual ? 4 : 2) * elements_ + (keeps_stream ? 2 * elements_ : 0) + out.codes.image_bytes));
    Buffer<int16_t>& scratch = ctx.scratch[thread]->stream;
    if (!keeps_stream) scratch.resize(size_t(elements_));
    for (int i = begin; i < end; ++i) {
      int16_t* z = keeps_stream ? out.stream.image(i, elements_) : scratch.data();
      ctx.norm.affine(in.stream.image(i, elements_), elements_,
                      {scale.data(), offset.data(), shift.data(), low.data(), high.data(), channels_,
                       residual ? residual->stream.image(i, elements_) : nullptr, join.pow2, join.multiplier, node_.relu, z});
      if (out.codes.bits) quantizer_.image(ctx, out, i, z);
    }
  });
}

}  // namespace subbyte
