// Training and inference in integers below 8 bits on a device: one model, batches of bytes in, losses and logits out.
// A Model is not thread-safe; its own threads work inside each call. Nothing but the C++ standard library is needed.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "subbyte/error.h"

namespace subbyte {

/// What a model is made from. The defaults are those of `subbyte train`.
struct ModelOptions {
  std::string model = "resnet20";              ///< a name of model_names()
  int height = 32, width = 32, channels = 3;   ///< of an image
  int classes = 10;
  std::string format = "w4a4g4";               ///< wXaYgZ: bits (2..8) of weights, activations and gradients
  std::string norm = "l1";                     ///< "l1" or "l2" batch normalization
  std::vector<float> mean, stddev;             ///< per channel, of pixel / 255; empty: 0.5 and 0.25
  float label_smoothing = 0;
  float momentum = 0.9f, weight_decay = 5e-4f; ///< of SGD; the decay is on weights alone
  bool nesterov = true;
  uint64_t seed = 1;                           ///< of the initial weights and of stochastic rounding
  int threads = 1;                             ///< they change no bit of a result
};

class Model {
 public:
  /// New weights. Throws UsageError naming the field and, for a name, the nearest valid one.
  static Model create(const ModelOptions& options);

  /// A checkpoint (`last.safetensors`) or a run folder that holds one, of save() or of `subbyte train`.
  /// Throws Error naming the file and what is wrong with it.
  static Model load(const std::string& path, int threads = 1);

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  struct StepResult {
    double loss;  ///< mean over the batch
    int correct;  ///< images whose largest logit was their label's, before the update
  };
  /// One step of SGD on a batch. `pixels` [count][height][width][channels], `labels` [count] in 0 .. classes - 1.
  /// Throws UsageError where sizes or labels do not fit, Error where a value is no longer finite.
  StepResult train_step(std::span<const uint8_t> pixels, std::span<const int32_t> labels, float learning_rate);

  /// Logits [count][classes]; `pixels` [count][height][width][channels]. An image's logits do not depend on its batch.
  std::vector<float> predict(std::span<const uint8_t> pixels);

  /// Everything that training goes on from, as safetensors; written completely or not at all. Throws Error.
  void save(const std::string& path);

  /// From the next call on.
  void set_threads(int threads);

  const ModelOptions& options() const;
  int64_t steps() const;  ///< training steps done

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

std::vector<std::string> model_names();

}  // namespace subbyte
