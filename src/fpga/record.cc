#include "fpga/record.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "fpga/lower.h"

namespace subbyte {
namespace {

class Recorder : public StepObserver {
 public:
  Recorder(const ModelSpec& model, int image, const std::vector<std::string>& layers) : image_(image) {
    for (size_t id = 0; id < model.nodes.size(); ++id)
      if (std::find(layers.begin(), layers.end(), model.nodes[id].name) != layers.end())
        layers_[int(id)].layer = model.nodes[id].name;
  }

  void on_operands(const OperandsView&) override {}
  void on_gradient(const GradientView&) override {}

  void on_forward(const ForwardView& view) override {
    if (layers_.count(view.node)) add(layers_[view.node], lower_forward(view, image_));
  }

  void on_backward(const BackwardView& view) override {
    if (!layers_.count(view.node)) return;
    LayerProducts& layer = layers_[view.node];
    layer.sample_shift = view.sample_shift[size_t(image_)];
    for (ArrayProduct& p : lower_backward_data(view, image_)) add(layer, std::move(p));
    add(layer, lower_backward_weights(view, image_));
  }

  std::vector<LayerProducts> take() {
    std::vector<LayerProducts> all;
    for (auto& [id, layer] : layers_) all.push_back(std::move(layer));
    return all;
  }

 private:
  static void add(LayerProducts& layer, ArrayProduct product) {
    try {
      check_sums(product);
    } catch (const Error& e) {
      throw Error("layer '" + layer.layer + "': " + e.what());
    }
    layer.products.push_back(std::move(product));
  }

  int image_;
  std::map<int, LayerProducts> layers_;  // by node id
};

/// Ends observation however the step ends.
struct Observing {
  Network& network;
  Observing(Network& n, StepObserver& observer) : network(n) { network.set_observer(&observer); }
  ~Observing() { network.set_observer(nullptr); }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;
};

}  // namespace

std::vector<std::string> array_layers(const ModelSpec& model) {
  std::vector<std::string> names;
  for (const Node& node : model.nodes)
    if (node.kind == NodeKind::linear || (node.kind == NodeKind::conv && !node.depthwise)) names.push_back(node.name);
  return names;
}

std::vector<LayerProducts> record_products(Network& network, const Batch& batch, uint64_t step, int image,
                                           const std::vector<std::string>& layers) {
  Recorder recorder(network.model(), image, layers);
  const Observing observing(network, recorder);
  network.train_step(batch, step);
  return recorder.take();
}

}  // namespace subbyte
