// A trainable network: the interface between the trainer and the two executors of a ModelSpec (integer, FP32/BF16).
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/memory_plan.h"
#include "nn/spec.h"
#include "quant/format.h"

namespace subbyte {

/// A learned tensor: FP32 master value, gradient of the mean loss, both row-major over `shape`.
/// Weights of a convolution are [out][kh][kw][in] (depthwise: [channel][kh][kw][1]), of a linear [out][in].
struct Param {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> value, grad;
  bool is_weight = true;  ///< false for norm scales and offsets and for biases (no weight decay on them by default)
  int fan_in = 1;         ///< for initialization
};

/// What else a checkpoint must hold: running statistics (floats) and integer state (ints); exactly one is non-empty.
struct State {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> floats;
  std::vector<int32_t> ints;
};

/// `count` images as bytes [count][h][w][c], and their labels.
struct Batch {
  int count = 0;
  const uint8_t* pixels = nullptr;
  const int32_t* labels = nullptr;
};

struct StepResult {
  double loss = 0;  ///< mean over the batch
  int correct = 0;
};

/// One line of `subbyte info`.
struct LayerInfo {
  std::string name, kind, format;   ///< format as executed: "w4a4g4", "n8" for a norm, "fp32"
  /// Of a product: ShiftQuant groups over channels of weights/activations/gradients, "4/4/4"; weights "real": a real scale an
  /// output channel.
  std::string groups;
  int filter_groups = 1;            ///< of a product: shift groups over filters of weights; 1: none
  Shape output;
  int64_t parameters = 0;
  int64_t weight_bytes = 0;         ///< of the packed weight codes that enter the product
  int64_t saved_bytes_per_image = 0;///< what forward keeps for backward
};

struct NetworkConfig {
  ModelSpec model;
  Format format;
  NormKind norm = NormKind::l1;
  QuantConfig quant;
  std::vector<float> mean, stddev;  ///< per input channel, of pixel / 255
  float label_smoothing = 0;
  float norm_momentum = 0.1f;       ///< weight of a batch in the running statistics
  int threads = 1;
  uint64_t seed = 1;
};

class Profile;
class StepObserver;
class ThreadPool;

class Network {
 public:
  virtual ~Network() = default;
  /// Forward and backward; leaves the gradient of the mean loss in params(). `step` keys the random numbers.
  /// Throws Error naming the first layer where a value is not finite.
  virtual StepResult train_step(const Batch& batch, uint64_t step) = 0;
  /// Forward with running statistics; an image's result does not depend on its batch. `logits` [count][classes] or null.
  virtual StepResult evaluate(const Batch& batch, float* logits) = 0;
  /// Whether `evaluate` folds normalizations into the products before them, as a deployed network does (docs/method.md,
  /// section 4); integer networks do unless told otherwise. Throws Error for `true` where the executor quantizes nothing.
  virtual void set_folded(bool folded);
  virtual std::vector<Param>& params() = 0;
  virtual std::vector<State>& states() = 0;
  virtual std::vector<LayerInfo> layers() const = 0;
  virtual const ModelSpec& model() const = 0;
  /// Fills `profile` (threads x nodes of the model) during the following steps; null ends it. The twin keeps none.
  virtual void set_profile(Profile* profile) { (void)profile; }
  /// Calls `observer` (nn/observer.h) during the following training steps, whose results stay the same; null ends it.
  /// The twin calls none: it quantizes nothing.
  virtual void set_observer(StepObserver* observer) { (void)observer; }
  /// What training steps of `batch` images and evaluation between them need; of the executor alone (no parameters).
  /// Empty: not known beforehand.
  virtual MemoryPlan memory_plan(int batch) {
    (void)batch;
    return {};
  }
  /// The threads of the steps, for work between them (the optimizer); null: none to lend.
  virtual ThreadPool* threads() { return nullptr; }
};

/// Builds the executor of config.format. The float twin needs a build with oneDNN: throws Error where it is missing.
std::unique_ptr<Network> make_network(const NetworkConfig& config);
std::unique_ptr<Network> make_integer_network(const NetworkConfig& config);
/// Set by the library subbyte_float when it is linked (see nn/float/register.h); null otherwise.
using NetworkFactory = std::unique_ptr<Network> (*)(const NetworkConfig&);
void set_float_network_factory(NetworkFactory factory);

/// The parameters of a model, values zero: the same names, shapes and order for every executor.
std::vector<Param> make_params(const ModelSpec& model);
/// He-normal weights, ones and zeros for norms, zeros for biases, from Philox keyed by (seed, parameter, element).
void initialize(std::vector<Param>& params, uint64_t seed);

/// Mean cross-entropy with label smoothing over `classes` logits a row; gradient [count][classes] (of the mean) or null.
StepResult softmax_cross_entropy(int count, int classes, const float* logits, const int32_t* labels, float smoothing,
                                 float* gradient);

}  // namespace subbyte
