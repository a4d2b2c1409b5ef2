// What an observer sees is what the products compute with, and observing changes nothing.
#include "nn/observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "network_support.h"
#include "quant/rounding_errors.h"

namespace subbyte {
namespace {

struct Tensor {
  std::vector<double> before, after;
};

Tensor read_all(const QuantizedView& view) {
  Tensor t;
  t.before.resize(size_t(view.parts * view.elements));
  t.after.resize(t.before.size());
  for (int part = 0; part < view.parts; ++part)
    view.read(part, t.before.data() + part * view.elements, t.after.data() + part * view.elements);
  return t;
}

struct Recorder : StepObserver {
  struct Layer {
    Tensor activations, weights, gradient;
    GradientView view;
    double largest = 0;       // stream element, samples shifted
    bool rounds_otherwise = false;
  };
  std::map<int, Layer> layers;

  void on_operands(const OperandsView& view) override {
    layers[view.node].activations = read_all(view.activations);
    layers[view.node].weights = read_all(view.weights);
  }
  void on_gradient(const GradientView& view) override {
    Layer& layer = layers[view.node];
    layer.view = view;
    layer.view.round = nullptr;
    const size_t elements = size_t(view.shape.elements());
    layer.gradient.after.resize(elements * size_t(view.images));
    std::vector<double> other(elements);
    for (int i = 0; i < view.images; ++i) {
      double* after = layer.gradient.after.data() + size_t(i) * elements;
      view.round(i, 0, after);
      view.round(i, 1, other.data());
      layer.rounds_otherwise |= !std::equal(other.begin(), other.end(), after);
      for (size_t e = 0; e < elements; ++e) {
        const double before = view.unit * view.stream[size_t(i) * elements + e];
        layer.gradient.before.push_back(before);
        layer.largest = std::max(layer.largest, std::ldexp(std::abs(before), view.sample_shift[size_t(i)]));
      }
    }
  }
};

TEST(Observer, SeesEveryProductAndChangesNothing) {
  for (const ModelSpec& model : {residual_model(), depthwise_model(), pooled_model(), mlp_model()}) {
    NetworkConfig config = network_config(model, "w4a4g4");
    config.threads = 2;
    const auto plain = initialized_network(config), observed = initialized_network(config);
    const BarImages images(model, 24);
    Recorder recorder;
    for (uint64_t step = 0; step < 3; ++step) {
      observed->set_observer(step == 1 ? &recorder : nullptr);
      const StepResult a = plain->train_step(images.batch, step), b = observed->train_step(images.batch, step);
      EXPECT_EQ(a.loss, b.loss);
      for (size_t p = 0; p < plain->params().size(); ++p) EXPECT_EQ(plain->params()[p].grad, observed->params()[p].grad);
      for (size_t s = 0; s < plain->states().size(); ++s) {
        EXPECT_EQ(plain->states()[s].floats, observed->states()[s].floats);
        EXPECT_EQ(plain->states()[s].ints, observed->states()[s].ints);
      }
    }
    for (int id = 0; id < int(model.nodes.size()); ++id) {
      const Node& node = model.nodes[size_t(id)];
      if (node.kind != NodeKind::conv && node.kind != NodeKind::linear) continue;
      ASSERT_TRUE(recorder.layers.count(id)) << node.name;
      const Recorder::Layer& layer = recorder.layers[id];
      EXPECT_TRUE(layer.rounds_otherwise) << node.name;
      EXPECT_NEAR(layer.largest / (layer.view.step * ((1 << (layer.view.bits - 1)) - 1)), 1, 1e-3) << node.name;
      const size_t elements = size_t(node.shape.elements());
      for (size_t i = 0; i < layer.gradient.before.size(); ++i) {
        const int shift = layer.view.channel_shift[i % size_t(node.shape.c)] + layer.view.sample_shift[i / elements];
        EXPECT_LE(std::abs(layer.gradient.after[i] - layer.gradient.before[i]), 1.01 * std::ldexp(layer.view.step, -shift));
      }
      const Node& from = model.nodes[size_t(node.input)];
      const bool reads_pixels = node.input == 0 || (from.kind == NodeKind::flatten && from.input == 0);
      const Tensor& x = layer.activations;
      EXPECT_EQ(x.before.empty(), reads_pixels) << node.name;
      EXPECT_FALSE(layer.weights.before.empty()) << node.name;
      for (const Tensor* t : {&x, &layer.weights}) {
        Power power;
        power.add(t->before, t->after);
        EXPECT_LE(power.noise, 0.1 * power.signal) << node.name;
      }
    }
  }
}

TEST(Observer, ValuesAreThoseOfTheProducts) {  // dW = X' G of a linear layer
  const ModelSpec model = mlp_model();
  const auto network = initialized_network(network_config(model, "w4a4g4"));
  Recorder recorder;
  network->set_observer(&recorder);
  const BarImages images(model, 24);
  network->train_step(images.batch, 5);
  for (int id = 0; id < int(model.nodes.size()); ++id) {
    const Node& node = model.nodes[size_t(id)];
    if (node.name != "fc2" && node.name != "fc") continue;
    const Recorder::Layer& layer = recorder.layers[id];
    const std::vector<double>&x = layer.activations.after, &g = layer.gradient.after;
    for (const Param& p : network->params()) {
      if (p.name != node.name + ".weight") continue;
      const size_t outputs = size_t(p.shape[0]), inputs = size_t(p.shape[1]);
      for (size_t n = 0; n < outputs; ++n)
        for (size_t k = 0; k < inputs; ++k) {
          double sum = 0, size = 0;
          for (size_t i = 0; i < 24; ++i) {
            sum += x[i * inputs + k] * g[i * outputs + n];
            size += std::abs(x[i * inputs + k] * g[i * outputs + n]);
          }
          const double scale = layer.view.channel_scale[n];
          EXPECT_NEAR(p.grad[n * inputs + k], sum / scale, 1e-6 * size / scale + 1e-30) << node.name;
        }
    }
  }
}

}  // namespace
}  // namespace subbyte
