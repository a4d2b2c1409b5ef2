// For tests of the trainer: softmax regression with a running mean as state and noise keyed by (seed, step), so that a
// forgotten step, state or seed shows in the weights. It is far too small for anything else.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/philox.h"
#include "nn/network.h"
#include "train/trainer.h"

namespace subbyte {

class TestNetwork : public Network {
 public:
  static constexpr int kPixels = 4, kClasses = 3;

  explicit TestNetwork(uint64_t seed = 1) : seed_(seed) {
    SpecBuilder builder("test", {2, 2, 1}, kClasses);
    builder.linear("fc", builder.flatten("flatten", 0), kClasses, true);
    model_ = builder.finish();
    params_.resize(2);
    params_[0] = {"fc.weight", {kClasses, kPixels}, std::vector<float>(kClasses * kPixels, 0.0f), {}, true, kPixels};
    params_[1] = {"fc.bias", {kClasses}, std::vector<float>(kClasses, 0.0f), {}, false, 1};
    for (Param& param : params_) param.grad.assign(param.value.size(), 0.0f);
    states_.resize(2);
    states_[0] = {"input.mean", {kPixels}, std::vector<float>(kPixels, 0.0f), {}};
    states_[1] = {"seen", {1}, {}, {0}};
  }

  StepResult train_step(const Batch& batch, uint64_t step) override {
    for (Param& param : params_) std::fill(param.grad.begin(), param.grad.end(), 0.0f);
    StepResult result = pass(batch, true);
    for (uint32_t i = 0; i < params_[0].grad.size(); ++i) {
      const auto words = random_words(seed_, RandomUse::gradient, uint32_t(step), 0, i);
      params_[0].grad[i] += 0.01f * float(uniform01(words[0]));
    }
    states_[1].ints[0] += batch.count;
    if (poison_at == int64_t(step)) result.loss = std::nan("");
    return result;
  }
  StepResult evaluate(const Batch& batch, float*) override { return pass(batch, false); }
  std::vector<Param>& params() override { return params_; }
  std::vector<State>& states() override { return states_; }
  std::vector<LayerInfo> layers() const override { return {}; }
  const ModelSpec& model() const override { return model_; }

  int64_t poison_at = -1;  ///< step whose loss is NaN

 private:
  StepResult pass(const Batch& batch, bool train) {
    std::vector<float> logits(size_t(batch.count) * kClasses), gradient(logits.size());
    for (int n = 0; n < batch.count; ++n)
      for (int p = 0; p < kPixels; ++p) {
        const float x = batch.pixels[n * kPixels + p] / 255.0f;
        float& mean = states_[0].floats[p];
        if (train) mean = 0.99f * mean + 0.01f * x;
        for (int c = 0; c < kClasses; ++c) logits[n * kClasses + c] += params_[0].value[c * kPixels + p] * (x - mean);
      }
    for (int n = 0; n < batch.count; ++n)
      for (int c = 0; c < kClasses; ++c) logits[n * kClasses + c] += params_[1].value[c];
    const StepResult result =
        softmax_cross_entropy(batch.count, kClasses, logits.data(), batch.labels, 0, gradient.data());
    for (int n = 0; train && n < batch.count; ++n)
      for (int c = 0; c < kClasses; ++c) {
        params_[1].grad[c] += gradient[n * kClasses + c];
        for (int p = 0; p < kPixels; ++p)
          params_[0].grad[c * kPixels + p] += gradient[n * kClasses + c] * (batch.pixels[n * kPixels + p] / 255.0f);
      }
    return result;
  }

  uint64_t seed_;
  ModelSpec model_;
  std::vector<Param> params_;
  std::vector<State> states_;
};

/// Records whose brightest pixel is the label, in an order that depends on the epoch.
class TestRecords : public TrainSource, public EvalSource {
 public:
  TestRecords(int64_t records, int batch) : records_(records), batch_(batch) {}

  int64_t batches_per_epoch() const override { return records_ / batch_; }
  Batch get(int64_t epoch, int64_t index) override { return fill(batch_, [&](int i) {
    return (index * batch_ + i) * (2 * epoch + 3) % records_; }); }
  int64_t size() const override { return records_; }
  Batch get(int64_t begin, int count) override { return fill(count, [&](int i) { return begin + i; }); }

 private:
  template <class Index>
  Batch fill(int count, Index index) {
    pixels_.assign(size_t(count) * TestNetwork::kPixels, 0);
    labels_.assign(count, 0);
    for (int i = 0; i < count; ++i) {
      const auto record = static_cast<uint32_t>(index(i));
      labels_[i] = int32_t(record % TestNetwork::kClasses);
      const auto noise = philox({7, 7}, {record, 0, 0, 0});
      for (int p = 0; p < TestNetwork::kPixels; ++p) pixels_[i * TestNetwork::kPixels + p] = uint8_t(noise[p] % 100);
      pixels_[i * TestNetwork::kPixels + labels_[i]] += 120;
    }
    return {count, pixels_.data(), labels_.data()};
  }

  int64_t records_;
  int batch_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
};

}  // namespace subbyte
