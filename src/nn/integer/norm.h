// Batch normalization in L1 or L2 with residual addition and ReLU, forward and backward (docs/method.md, section 4).
// Per element everything is int16 fixed point; reals appear once a channel.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "nn/integer/layer.h"
#include "nn/integer/operands.h"

namespace subbyte {

constexpr double kappa = 1.2533141373155003;  // sqrt(pi / 2): mean |t| of a Gaussian times kappa is its deviation
constexpr double stream_bound = 16000;        // what real bounds are scaled to: below 2^14, so that a sum of two fits

inline int16_t to_int16(double v) { return int16_t(std::clamp(std::floor(v + 0.5), -32767.0, 32767.0)); }

class NormLayer : public IntegerLayer, public GradientSink {
 public:
  NormLayer(Context& ctx, int id, LayerParams params);
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
    if (saved_.has_mask) ScratchSizes::grow(sizes.norm_mask, packed_bytes(elements_, 1));
    ScratchSizes::grow(sizes.stream, elements_);
  }

  LayerInfo info() const override;

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
  void normalize_folded(Context& ctx, Value& in, Value& out, const Value* residual, bool keeps_stream);
  void set_units(const Stream& y);
  Plan measure(Context&, const Stream& y);
  Plan recall(const Stream& y) const;
  int half() const { return 1 << (15 - bits_); }
  bool saves_less() const { return saved_.saved_bits < bits_; }                       // than the codes
  bool mask_by_code() const { return node_.relu && !saves_mask_ && !saved_.has_mask; }
  int64_t code_bytes() const { return packed_bytes(elements_, saved_.saved_bits); }  // saved, an image
  int64_t mask_bytes() const { return saves_mask_ ? packed_bytes(elements_, 1) : 0; }
  SavedImage saved_image(Context&, int thread, int image);
  const uint8_t* whole_codes(Context&, int thread, int image) const;
  void round_gradient(Context&, Stream& delta, int32_t top) const;
  int32_t value_of(int32_t y, int16_t mu, int16_t limit, int16_t pow2, int16_t scale, int16_t offset) const;

  int id_;
  const Node node_;
  LayerParams params_;
  int bits_, grad_bits_;
  SavedNormCode saved_;
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
  Buffer<int16_t> scale_, offset_; // of z, repeated: with whole codes they say what the mask would
  Stream dy_, delta_;
  std::optional<Reduction> reduction_;
};

}  // namespace subbyte
