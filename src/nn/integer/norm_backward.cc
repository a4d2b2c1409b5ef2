// Backward of a normalization: the sums that its gradient needs, taken image by image, then the gradient of its input.
#include "base/error.h"
#include "kernels/period.h"
#include "nn/integer/grid.h"
#include "nn/integer/norm.h"

namespace subbyte {
namespace {

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

}  // namespace

/// An image's codes as bytes, where they were saved whole.
const uint8_t* NormLayer::whole_codes(Context& ctx, int thread, int image) const {
  const uint8_t* packed = codes_.data() + image * code_bytes();
  if (bits_ == 8) return packed;
  Buffer<uint8_t>& bytes = ctx.scratch[thread]->norm_codes;
  bytes.resize(size_t(elements_) + 8);
  ctx.quantize.unpack(packed, elements_, bits_, bytes.data());
  return bytes.data();
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
  SavedImage saved;
  if (saves_less()) saved = saved_image(ctx, thread, image);
  const uint8_t* codes = saves_less() ? saved.codes : whole_codes(ctx, thread, image);
  const uint8_t* mask = saved_.has_mask ? saved.mask : saves_mask_ ? mask_.data() + image * mask_bytes() : nullptr;
  ctx.norm.reduce(elements_, {d, mask, codes, channels_, bits_, r.sums.at(thread), r.products.at(thread), r.tops.at(thread),
                              mask_by_code() ? scale_.data() : nullptr, offset_.data(), saves_less() ? &saved : nullptr});
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
      bound = std::max(bound, std::fabs(scale[c]) * delta->top + std::fabs(mean[c]) +
                                  std::fabs(slope[c]) * (plan_.peak[c] + 1));
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
    for (int i = begin; i < end; ++i) {
      SavedImage saved;
      if (saves_less()) saved = saved_image(ctx, thread, i);
      ctx.norm.backward(elements_, {delta->image(i, elements_), saves_less() ? saved.codes : whole_codes(ctx, thread, i),
                                    scale_p.data(), mean_p.of(i), slope_p.of(i), channels_, bits_, int16_t(1 << k), l2_,
                                    dy_.image(i, elements_), dy_.image_top.data() + int64_t(i) * channels_,
                                    saves_less() ? &saved : nullptr});
    }
  });
}

}  // namespace subbyte
