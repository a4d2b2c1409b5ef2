// The integer executor of a ModelSpec.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "base/error.h"
#include "nn/integer/grid.h"
#include "nn/integer/input.h"
#include "nn/integer/layer.h"
#include "nn/integer/product.h"

namespace subbyte {
namespace {

bool is_product(const Node& node) { return node.kind == NodeKind::conv || node.kind == NodeKind::linear; }

class IntegerNetwork : public Network {
 public:
  explicit IntegerNetwork(const NetworkConfig& config);
  StepResult train_step(const Batch& batch, uint64_t step) override;
  StepResult evaluate(const Batch& batch, float* logits) override;
  void set_folded(bool folded) override { ctx_.folded = folded; }
  std::vector<Param>& params() override { return params_; }
  std::vector<State>& states() override { return ctx_.states; }
  std::vector<LayerInfo> layers() const override;
  const ModelSpec& model() const override { return model_; }
  MemoryPlan memory_plan(int batch) override;
  void set_profile(Profile* profile) override { ctx_.profile = profile; }
  void set_observer(StepObserver* observer) override;
  ThreadPool* threads() override { return &ctx_.pool; }

 private:
  Format format_of(int id) const { return id == first_ ? quant().first : id == last_ ? quant().last : ctx_.config.format; }
  const QuantConfig& quant() const { return ctx_.config.quant; }
  void resolve_flatten();
  void plan_stream_lives();
  void plan_codes();
  void make_layers();
  LayerParams params_of(const std::string& node);
  struct Needs {
    StepPlan blocks;
    ScratchSizes scratch;
  };
  /// Of a step of so many images: planned by running it without computing, once.
  const Needs& needs(int images, bool training);
  /// Has that memory at hand.
  void begin(int images, bool training);
  void forward(const uint8_t* pixels);
  void evaluate_images(const uint8_t* pixels, int count, float* logits);
  void logits(float* out) const;
  void backward(const std::vector<float>& gradient);

  const ModelSpec model_;  // as given; ctx_.config.model reads through flatten nodes
  Context ctx_;
  std::vector<Param> params_;
  InputQuantizer input_;
  std::vector<std::unique_ptr<IntegerLayer>> layers_;  // by node id; null for the input and flatten
  std::vector<std::vector<int>> last_use_;             // values whose stream nobody reads after node i
  std::vector<std::vector<int>> last_product_;         // values whose codes nobody reads after node i in evaluation
  std::vector<std::vector<int>> first_product_;        // and in backward
  std::map<std::pair<int, bool>, Needs> needs_;        // by images and whether they train
  int trained_images_ = 0;                             // of the last training step
  State* batches_;
  int first_ = -1, last_ = -1;
  Param* head_bias_ = nullptr;
  Stream head_gradient_;
};

IntegerNetwork::IntegerNetwork(const NetworkConfig& config)
    : model_(config.model), ctx_(config), params_(make_params(config.model)) {
  quant().validate();
  const int nodes = int(model_.nodes.size());
  ctx_.states.reserve(size_t(nodes) * 4 + 8);
  batches_ = ctx_.add_state("network.batches", {1});
  batches_->ints = {0};
  resolve_flatten();
  plan_codes();
  make_layers();
  plan_stream_lives();
  last_product_.resize(nodes);
  first_product_.resize(nodes);
  for (int id = 0; id < nodes; ++id) {
    int first = -1, last = -1;
    for (int user = id + 1; user < nodes; ++user) {
      if (!layers_[user] || !is_product(ctx_.config.model.nodes[user]) || ctx_.config.model.nodes[user].input != id) continue;
      last = user;
      if (first < 0) first = user;
    }
    if (first < 0) continue;
    first_product_[first].push_back(id);
    last_product_[last].push_back(id);
  }
}

void IntegerNetwork::plan_stream_lives() {
  const int nodes = int(model_.nodes.size());
  last_use_.assign(nodes, {});
  for (int id = 1; id < nodes; ++id) {
    int last = id;
    for (int user = id + 1; user < nodes; ++user) {
      const Node& n = ctx_.config.model.nodes[user];
      const bool reads = ctx_.observer || !is_product(n);
      if (layers_[user] && reads && (n.input == id || n.residual == id)) last = user;
    }
    if (id != last_) last_use_[last].push_back(id);
  }
}

/// Products then read the streams of their inputs too: those live longer, and memory is planned anew.
void IntegerNetwork::set_observer(StepObserver* observer) {
  const int more = (observer != nullptr) - (ctx_.observer != nullptr);
  ctx_.observer = observer;
  if (more == 0) return;
  for (const Node& n : ctx_.config.model.nodes)
    if (is_product(n) && n.input > 0) ctx_.values[n.input].stream_readers += more;
  plan_stream_lives();
  ctx_.memory.follow(nullptr);
  needs_.clear();
}

void IntegerNetwork::resolve_flatten() {
  std::vector<Node>& nodes = ctx_.config.model.nodes;
  for (Node& n : nodes) {
    while (n.input >= 0 && nodes[n.input].kind == NodeKind::flatten) n.input = nodes[n.input].input;
    if (n.residual >= 0 && nodes[n.residual].kind == NodeKind::flatten)
      throw UsageError("layer '" + n.name + "': a flattened residual is not supported in integer formats");
  }
}

void IntegerNetwork::plan_codes() {
  const std::vector<Node>& nodes = ctx_.config.model.nodes;
  ctx_.values.resize(nodes.size());
  last_ = int(nodes.size()) - 1;
  for (int id = 0; id < int(nodes.size()); ++id) {
    const Node& n = nodes[id];
    Value& v = ctx_.values[id];
    v.shape = n.shape;
    const bool pool = n.kind == NodeKind::max_pool || n.kind == NodeKind::avg_pool || n.kind == NodeKind::global_avg_pool;
    if (n.kind == NodeKind::norm_act) v.is_signed = !n.relu;
    if (pool) v.is_signed = ctx_.values[n.input].is_signed;
    if ((n.kind == NodeKind::norm_act || pool) && is_product(nodes[n.input]) != (n.kind == NodeKind::norm_act))
      throw UsageError("layer '" + n.name + "': integer formats need a normalization after every product but the last, and "
                       "nowhere else");
    for (int read : {n.input, n.residual})
      if (read >= 0 && ctx_.values[read].first_reader < 0) ctx_.values[read].first_reader = id;
    if (n.residual >= 0) ++ctx_.values[n.residual].stream_readers;
    if (n.input >= 0 && (pool || n.kind == NodeKind::norm_act)) ++ctx_.values[n.input].stream_readers;
    if (!is_product(n)) continue;
    if (first_ < 0) first_ = id;
  }
  for (int id = 0; id < int(nodes.size()); ++id) {
    const Node& n = nodes[id];
    if (!is_product(n)) continue;
    Value& in = ctx_.values[n.input];
    const Format f = format_of(id);
    if (in.codes.bits && in.codes.bits != f.a)
      throw UsageError("layer '" + n.name + "': reads " + std::to_string(f.a) + "-bit activations, but another layer reads the "
                       "same tensor in " + std::to_string(in.codes.bits) + " bits; set format.first or format.last to match");
    ProductShape s{n.kernel_h, n.kernel_w, n.stride, n.pad, in.shape, n.shape};
    if (n.kind == NodeKind::linear) s = {1, 1, 1, 0, {1, 1, in.shape.elements()}, n.shape};
    const int groups = n.input == 0 ? 1 : product_groups(quant(), f, s, !in.is_signed, id != last_).a;
    in.codes.groups = in.codes.bits ? std::min(in.codes.groups, groups) : groups;
    in.codes.bits = f.a;
  }
}

LayerParams IntegerNetwork::params_of(const std::string& node) {
  LayerParams found;
  for (Param& p : params_) {
    if (p.name == node + ".weight") found.weight = &p;
    if (p.name == node + ".bias") found.bias = &p;
  }
  return found;
}

void IntegerNetwork::make_layers() {
  const std::vector<Node>& nodes = ctx_.config.model.nodes;
  layers_.resize(nodes.size());
  for (int id = 1; id < int(nodes.size()); ++id) {
    const Node& n = nodes[id];
    const LayerParams p = params_of(n.name);
    switch (n.kind) {
      case NodeKind::conv:
      case NodeKind::linear:
        if (n.depthwise) layers_[id] = make_depthwise_layer(ctx_, id, p, format_of(id), n.input != 0);
        else layers_[id] = make_product_layer(ctx_, id, p, format_of(id), n.input != 0);
        break;
      case NodeKind::norm_act: layers_[id] = make_norm_layer(ctx_, id, p); break;
      case NodeKind::max_pool: layers_[id] = make_max_pool_layer(ctx_, id); break;
      case NodeKind::avg_pool:
      case NodeKind::global_avg_pool: layers_[id] = make_average_pool_layer(ctx_, id); break;
      case NodeKind::flatten:
      case NodeKind::input: break;
    }
  }
  if (nodes[last_].kind != NodeKind::linear) throw UsageError("model '" + model_.name + "': the last layer must be linear");
  head_bias_ = params_of(nodes[last_].name).bias;
  input_ = InputQuantizer(ctx_.config, format_of(first_).a);
}

const IntegerNetwork::Needs& IntegerNetwork::needs(int images, bool training) {
  const auto [found, is_new] = needs_.try_emplace({images, training});
  if (!is_new) return found->second;
  Needs& needs = found->second;
  ctx_.images = images;
  ctx_.training = training;
  ctx_.memory.record();
  forward(nullptr);
  if (training) backward({});
  else ctx_.values[last_].stream.memory.reset();
  needs.blocks = ctx_.memory.recorded();
  ScratchSizes::grow(needs.scratch.bytes, ctx_.values[0].shape.elements() + 8);  // pixels of fewer than 8 bits
  for (const auto& layer : layers_)
    if (layer) layer->scratch(ctx_, needs.scratch);
  return needs;
}

void IntegerNetwork::begin(int images, bool training) {
  const Needs& n = needs(images, training);
  ctx_.memory.follow(&n.blocks);
  ctx_.reserve(n.scratch);
  ctx_.images = images;
  ctx_.training = training;
}

void IntegerNetwork::forward(const uint8_t* pixels) {
  for (Value& v : ctx_.values) v.gradients.clear();
  input_.run(ctx_, pixels, ctx_.values[0]);
  for (int id = 1; id < int(layers_.size()); ++id) {
    if (layers_[id]) layers_[id]->forward(ctx_);
    for (int done : last_use_[id]) ctx_.values[done].stream.memory.reset();
    if (ctx_.training) continue;
    for (int done : last_product_[id]) ctx_.values[done].codes.packed.clear();
  }
}

void IntegerNetwork::logits(float* out) const {
  const Stream& y = ctx_.values[last_].stream;
  const int classes = model_.classes;
  for (int i = 0; i < ctx_.images; ++i)
    for (int c = 0; c < classes; ++c)
      out[size_t(i) * classes + c] =
          float(std::ldexp(y.scale, -y.channel_shift[c]) * y.image(i, classes)[c]) + (head_bias_ ? head_bias_->value[c] : 0.0f);
}

void IntegerNetwork::backward(const std::vector<float>& gradient) {
  const int classes = model_.classes;
  Stream& d = head_gradient_;
  d.memory = ctx_.memory.take(int64_t(ctx_.images) * classes);
  if (!ctx_.planning()) {
    float top = 0;
    for (float g : gradient) top = std::max(top, std::fabs(g));
    d.scale = top > 0 ? double(top) / 16000 : 1;
    d.top = 16001;
    for (size_t i = 0; i < gradient.size(); ++i) (*d.memory)[i] = int16_t(std::nearbyint(gradient[i] / d.scale));
    for (int c = 0; c < classes && head_bias_; ++c) {
      int64_t sum = 0;
      for (int i = 0; i < ctx_.images; ++i) sum += d.image(i, classes)[c];
      head_bias_->grad[c] = float(double(sum) * d.scale);
    }
  }
  ctx_.values[last_].stream.memory.reset();
  ctx_.values[last_].gradients = {&head_gradient_};
  for (int id = last_; id >= 1; --id) {
    if (!layers_[id]) continue;
    layers_[id]->backward(ctx_);
    layers_[id]->forget();
    for (int done : first_product_[id]) ctx_.values[done].codes.packed.clear();
  }
}

StepResult IntegerNetwork::train_step(const Batch& batch, uint64_t step) {
  begin(batch.count, true);
  trained_images_ = batch.count;
  ctx_.step = step;
  ctx_.first_batch = batches_->ints[0] == 0;
  forward(batch.pixels);
  batches_->ints[0] = std::min(batches_->ints[0], INT32_MAX - 1) + 1;
  std::vector<float> y(size_t(batch.count) * model_.classes), gradient(y.size());
  logits(y.data());
  const StepResult result = softmax_cross_entropy(batch.count, model_.classes, y.data(), batch.labels,
                                                  ctx_.config.label_smoothing, gradient.data());
  if (!std::isfinite(result.loss)) throw Error("loss is not finite at step " + std::to_string(step) + ": first in layer '" +
                                               model_.nodes[last_].name + "'");
  backward(gradient);
  return result;
}

namespace {

/// Images of evaluation that are computed together: between training steps they need no more memory than these.
int evaluated_together(int trained) { return trained > 0 ? std::max(trained, 32) : 128; }

}  // namespace

/// An image's result does not depend on its batch, so neither does it on how many are computed together.
void IntegerNetwork::evaluate_images(const uint8_t* pixels, int count, float* out) {
  const int64_t image = model_.input_shape().elements();
  const int most = evaluated_together(trained_images_);
  for (int done = 0; done < count; done += most) {
    begin(std::min(most, count - done), false);
    forward(pixels + done * image);
    logits(out + int64_t(done) * model_.classes);
    ctx_.values[last_].stream.memory.reset();
  }
}

StepResult IntegerNetwork::evaluate(const Batch& batch, float* out) {
  std::vector<float> y(size_t(batch.count) * model_.classes);
  evaluate_images(batch.pixels, batch.count, y.data());
  if (out) std::copy(y.begin(), y.end(), out);
  return softmax_cross_entropy(batch.count, model_.classes, y.data(), batch.labels, ctx_.config.label_smoothing, nullptr);
}

MemoryPlan IntegerNetwork::memory_plan(int batch) {
  const StepPlan& train = needs(batch, true).blocks;
  const StepPlan& evaluation = needs(evaluated_together(batch), false).blocks;
  const ScratchSizes sizes = needs(batch, true).scratch;
  int64_t codes = 0;
  for (const auto& layer : layers_) codes += layer ? layer->weight_code_bytes() : 0;
  const auto peak = [&](BlockUse use) { return train.peak({use}); };
  using U = BlockUse;
  const int64_t saved = train.peak({U::codes, U::norm_codes, U::mask, U::positions}), streams = peak(U::stream);
  const int64_t arena = std::max(train.bytes, evaluation.bytes);
  return {{"weight_codes", "weights as codes", codes},
          {"packed_weights", "packed weights of one product", sizes.packed},
          {"step", "blocks of a step (saved activations and streams)", arena},
          {"saved", "saved activations", saved, true},
          {"saved_codes", "  codes", peak(U::codes), true},
          {"saved_norm_codes", "  norm codes", peak(U::norm_codes), true},
          {"saved_masks", "  masks", peak(U::mask), true},
          {"saved_positions", "  pool positions", peak(U::positions), true},
          {"streams", "streams (16 bits), at most at a time", streams, true},
          {"shared", "of both, in the same places one after the other", saved + streams - arena, true},
          {"thread_scratch", "operands and sums of " + std::to_string(ctx_.pool.size()) + " threads",
           sizes.thread_bytes() * ctx_.pool.size()},
          {"batch_operands", "operands of a whole batch", sizes.batch_x + sizes.batch_g}};
}

std::vector<LayerInfo> IntegerNetwork::layers() const {
  std::vector<LayerInfo> infos;
  for (int id = 1; id < int(layers_.size()); ++id) {
    if (!layers_[id]) continue;
    LayerInfo info = layers_[id]->info();
    const Node& n = ctx_.config.model.nodes[id];
    // A product saves its input codes; where several read one tensor, the first is charged.
    bool charged = false;
    const std::vector<Node>& nodes = ctx_.config.model.nodes;
    for (int other = 1; other < id; ++other) charged |= is_product(nodes[other]) && nodes[other].input == n.input;
    const Value& input = ctx_.values[n.input];
    if (is_product(n) && !charged)
      info.saved_bytes_per_image += activation_bytes(
          input.shape, input.codes.bits, activation_shift(quant(), input.codes.bits, input.is_signed, input.shape.c));
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace

std::unique_ptr<Network> make_integer_network(const NetworkConfig& config) { return std::make_unique<IntegerNetwork>(config); }

}  // namespace subbyte
