// The FP32/BF16 executor of a ModelSpec on oneDNN.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "nn/float/plan.h"
#include "nn/float/register.h"

namespace subbyte {
namespace {

using twin::ElementType;
using twin::Plan;

/// oneDNN takes its number of threads from OpenMP's setting of the calling thread.
class OmpThreads {
 public:
  explicit OmpThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~OmpThreads() { omp_set_num_threads(before_); }
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  int before_;
};

class FloatNetwork : public Network {
 public:
  explicit FloatNetwork(const NetworkConfig& config)
      : config_(config), type_(config.format.kind == Format::Kind::bf16 ? ElementType::bf16 : ElementType::f32),
        params_(make_params(config.model)), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    initialize(params_, config.seed);
    for (const Node& node : config_.model.nodes) {
      if (node.kind != NodeKind::norm_act) continue;
      for (const char* what : {".running_mean", ".running_deviation"}) {
        State state;
        state.name = node.name + what;
        state.shape = {node.shape.c};
        state.floats.assign(size_t(node.shape.c), 0.0f);
        states_.push_back(std::move(state));
      }
    }
    // Whether the processor has BF16 products shows in the first plan; better now than in the first step.
    if (type_ == ElementType::bf16) plan(1, false);
  }

  StepResult train_step(const Batch& batch, uint64_t step) override {
    const OmpThreads threads(config_.threads);
    Plan& plan = this->plan(batch.count, true);
    plan.forward(batch.pixels);
    const StepResult result =
        softmax_cross_entropy(batch.count, config_.model.classes, plan.logits(), batch.labels, config_.label_smoothing,
                              plan.logit_gradient());
    if (!std::isfinite(result.loss))
      throw Error("loss is " + std::string(std::isnan(result.loss) ? "nan" : "inf") + " at step " +
                  std::to_string(step) + ": first non-finite value in layer '" + plan.first_not_finite() + "'");
    plan.backward();
    return result;
  }

  StepResult evaluate(const Batch& batch, float* logits) override {
    const OmpThreads threads(config_.threads);
    Plan& plan = this->plan(batch.count, false);
    plan.forward(batch.pixels);
    if (logits) std::copy_n(plan.logits(), size_t(batch.count) * config_.model.classes, logits);
    if (!batch.labels) return {};
    return softmax_cross_entropy(batch.count, config_.model.classes, plan.logits(), batch.labels,
                                 config_.label_smoothing, nullptr);
  }

  std::vector<Param>& params() override { return params_; }
  std::vector<State>& states() override { return states_; }
  const ModelSpec& model() const override { return config_.model; }

  std::vector<LayerInfo> layers() const override {
    const int64_t element = int64_t(element_size(type_));
    std::vector<LayerInfo> lines;
    size_t next = 0;
    for (const Node& node : config_.model.nodes) {
      if (node.kind == NodeKind::input) continue;
      LayerInfo line;
      line.name = node.name;
      line.kind = node_kind_name(node.kind);
      line.format = config_.format.name();
      line.output = node.shape;
      for (; next < params_.size() && belongs(params_[next], node); ++next) {
        line.parameters += int64_t(params_[next].value.size());
        if (params_[next].is_weight) line.weight_bytes += int64_t(params_[next].value.size()) * element;
      }
      // The output is kept for the node that reads it; the chosen positions of a max pool too.
      if (node.kind != NodeKind::flatten) line.saved_bytes_per_image = node.shape.elements() * element;
      if (node.kind == NodeKind::max_pool) line.saved_bytes_per_image += node.shape.elements() * 4;
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  static bool belongs(const Param& param, const Node& node) {
    return param.name == node.name + ".weight" || param.name == node.name + ".bias";
  }

  Plan& plan(int count, bool training) {
    const std::pair<int, bool> key(count, training);
    if (const auto found = plans_.find(key); found != plans_.end()) return found->second;
    if (plans_.size() >= most_plans) plans_.clear();
    const OmpThreads threads(config_.threads);
    try {
      const twin::OpContext context{engine_, stream_, type_, config_.threads, count, training};
      return plans_.try_emplace(key, twin::PlanSource{config_, params_, states_}, context).first->second;
    } catch (const dnnl::error& error) {
      throw Error("format " + config_.format.name() + ": oneDNN cannot run model '" + config_.model.name +
                  "' on this processor (" + error.what() + ")");
    }
  }

  // Training and evaluation, each with a full and a last batch; more would only hold memory.
  static constexpr size_t most_plans = 4;

  NetworkConfig config_;
  ElementType type_;
  std::vector<Param> params_;
  std::vector<State> states_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::map<std::pair<int, bool>, Plan> plans_;
};

}  // namespace

std::unique_ptr<Network> make_float_network(const NetworkConfig& config) {
  return std::make_unique<FloatNetwork>(config);
}

}  // namespace subbyte
