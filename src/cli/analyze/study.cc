#include "cli/analyze/study.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "kernels/quantize/quantize.h"
#include "nn/integer/grid.h"
#include "nn/observer.h"
#include "quant/variance.h"

namespace subbyte {
namespace {

/// max |element| by channel, each image's elements times 2^shift. In stream units: exact.
std::vector<double> channel_ranges(const GradientView& view, bool scaled) {
  const int64_t elements = view.shape.elements();
  const size_t channels = size_t(view.shape.c);
  std::vector<double> ranges(channels, 0);
  for (int i = 0; i < view.images; ++i) {
    std::vector<int> top(channels, 0);
    const int16_t* z = view.stream + i * elements;
    for (int64_t e = 0; e < elements; ++e) top[size_t(e) % channels] = std::max(top[size_t(e) % channels], std::abs(int(z[e])));
    for (size_t c = 0; c < channels; ++c)
      ranges[c] = std::max(ranges[c], std::ldexp(top[c], scaled ? view.sample_shift[size_t(i)] : 0));
  }
  return ranges;
}

/// v (docs/method.md) in squared real units, for `images` images (a fraction where sample shifts make their steps smaller).
double variance_unit(const GradientView& view, double images) {
  const double top = (1 << (view.bits - 1)) - 1, pixels = double(view.shape.h) * view.shape.w;
  return images * pixels / (4 * top * top) * view.unit * view.unit;
}

void add_variances(VarianceSums& sums, const ChannelVariances& v, double unit, int batches) {
  constexpr double slack = 1 + 1e-12;  // sums in other orders
  sums.tensor += unit * v.tensor;
  sums.channel += unit * v.channel;
  sums.optimal += unit * v.optimal;
  sums.shift += unit * v.shift;
  sums.bound += unit * v.bound;
  sums.capped += double(v.capped) / batches;
  sums.chain_holds = sums.chain_holds && v.channel <= v.optimal * slack && v.optimal <= v.shift * slack &&
                     (v.shift < v.bound || v.tensor == 0);
}

class Study : public StepObserver {
 public:
  Study(const Network& network, const StudyOptions& options) : options_(options) {
    const std::vector<LayerInfo> infos = network.layers();
    const std::vector<Node>& nodes = network.model().nodes;
    for (size_t id = 0; id < nodes.size(); ++id) {
      if (nodes[id].kind != NodeKind::conv && nodes[id].kind != NodeKind::linear) continue;
      at_[int(id)] = layers.size();
      layers.emplace_back().rounding = RoundingErrors(options.roundings);
      layers.back().name = nodes[id].name;
      for (const LayerInfo& info : infos)
        if (info.name == nodes[id].name) layers.back().kind = info.kind, layers.back().format = info.format;
    }
  }

  bool active = false;
  std::vector<LayerStudy> layers;

  void on_operands(const OperandsView& view) override {
    if (!active) return;
    LayerStudy& layer = layers[at_.at(view.node)];
    if (view.activations.parts > 0) {
      if (!layer.activations) layer.activations.emplace();
      add_power(*layer.activations, view.activations);
    }
    layer.activation_block_groups = view.activation_block_groups;
    add_power(layer.weights, view.weights);
  }

  void on_gradient(const GradientView& view) override {
    if (!active) return;
    LayerStudy& layer = layers[at_.at(view.node)];
    add_ranges(layer, view);
    add_blocks(layer, view);
    add_roundings(layer, view);
  }

 private:
  void add_power(Power& power, const QuantizedView& view) {
    before_.resize(size_t(view.elements));
    after_.resize(size_t(view.elements));
    for (int part = 0; part < view.parts; ++part) {
      view.read(part, before_.data(), after_.data());
      power.add(before_, after_);
    }
  }

  void add_ranges(LayerStudy& layer, const GradientView& view) const {
    const std::vector<double> raw = channel_ranges(view, false), scaled = channel_ranges(view, true);
    const double r = *std::max_element(raw.begin(), raw.end());
    std::vector<int32_t> shifts;
    for (double v : raw) shifts.push_back(r > 0 ? channel_shift(r, v, view.groups) : view.groups - 1);
    const bool first = layer.octaves.empty();
    if (first) {
      layer.channels = view.shape.c;
      layer.gradient_bits = view.bits;
      layer.groups = view.groups;
      layer.sample_groups = view.sample_groups;
      layer.block_groups = view.block_groups;
      layer.histogram.assign(size_t(view.groups), 0);
      layer.samples.assign(size_t(view.sample_groups), 0);
    }
    for (size_t c = 0; c < raw.size(); ++c) {
      if (first) layer.octaves.push_back(raw[c] > 0 ? std::log2(r / raw[c]) : std::numeric_limits<double>::infinity());
      if (first) layer.group.push_back(shifts[c]);
      layer.histogram[size_t(shifts[c])] += 1.0 / options_.batches;
    }
    add_variances(layer.by_channel, channel_variances(raw, shifts, view.groups), variance_unit(view, view.images),
                  options_.batches);
    double images = 0;  // a sample's steps are 2^m_i times smaller
    for (int32_t m : view.sample_shift) {
      images += std::ldexp(1.0, -2 * m);
      layer.samples[size_t(m)] += 1.0 / options_.batches;
    }
    add_variances(layer.with_samples, channel_variances(scaled, view.channel_shift, view.groups),
                  variance_unit(view, images), options_.batches);
    layer.step = std::sqrt(layer.step * layer.step + view.step * view.step / options_.batches);
  }

  static void add_blocks(LayerStudy& layer, const GradientView& view) {
    const int channels = view.shape.c, elements = view.shape.elements();
    const BlockLayout layout{channels, block_lanes(channels), block_rows};
    const double unit = variance_unit(view, 1) / (double(view.shape.h) * view.shape.w);
    for (int i = 0; i < view.images; ++i) {
      std::vector<int32_t> shifts = view.channel_shift;
      for (int32_t& shift : shifts) shift += view.sample_shift[size_t(i)];
      layer.with_blocks += unit * block_variance({view.stream + int64_t(i) * elements, size_t(elements)}, layout, view.range,
                                                 shifts, view.block_groups - 1);
    }
  }

  void add_roundings(LayerStudy& layer, const GradientView& view) {
    const size_t elements = size_t(view.shape.elements());
    before_.resize(elements);
    rounded_.resize(size_t(options_.roundings));
    for (int i = 0; i < view.images; ++i) {
      for (size_t e = 0; e < elements; ++e) before_[e] = view.unit * view.stream[size_t(i) * elements + e];
      for (int k = 0; k < options_.roundings; ++k) {
        rounded_[size_t(k)].resize(elements);
        view.round(i, k, rounded_[size_t(k)].data());
      }
      layer.rounding.add(before_, rounded_);
    }
  }

  StudyOptions options_;
  std::map<int, size_t> at_;  // by node id
  std::vector<double> before_, after_;
  std::vector<std::vector<double>> rounded_;
};

using Gradients = std::vector<std::vector<float>>;  // by layer of the study

Gradients weight_gradients(Network& network, const std::vector<LayerStudy>& layers) {
  Gradients gradients;
  for (const LayerStudy& layer : layers)
    for (const Param& p : network.params())
      if (p.name == layer.name + ".weight") gradients.push_back(p.grad);
  return gradients;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(), [](double x, double y) { return x * y; });
}

void add_cosines(LayerStudy& layer, size_t index, const std::vector<Gradients>& steps, const Gradients* twin, int batches) {
  const double n = double(steps.size()), share = 1.0 / (n * batches);
  std::vector<float> sum(steps[0][index].size(), 0.0f), rest(sum.size());
  double own = 0;
  for (const Gradients& step : steps) {
    own += dot(step[index], step[index]);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += step[index][i];
  }
  for (size_t k = 0; k < steps.size(); ++k) {
    for (size_t i = 0; i < sum.size(); ++i) rest[i] = sum[i] - steps[k][index][i];
    layer.rounding_to_rest += share * cosine(steps[k][index], rest);
    if (twin) layer.to_twin = layer.to_twin.value_or(0) + share * cosine(steps[k][index], (*twin)[index]);
  }
  if (!twin) return;
  const std::vector<float>& full = (*twin)[index];
  layer.mean_to_twin = layer.mean_to_twin.value_or(0) + cosine(sum, full) / batches;
  // Products of different steps have no noise in their expectation: their mean is the squared length of the expected gradient.
  const double expected = (dot(sum, sum) - own) / (n * (n - 1));
  layer.expected_to_twin = layer.expected_to_twin.value_or(0) +
                           dot(sum, full) / n / std::sqrt(expected * dot(full, full)) / batches;
}

/// Puts states back, so that every step begins with the checkpoint's.
class KeptStates {
 public:
  explicit KeptStates(Network& network) : network_(network), states_(network.states()) {}
  void put_back() {
    for (size_t i = 0; i < states_.size(); ++i) {  // element by element: layers hold pointers to them
      network_.states()[i].floats = states_[i].floats;
      network_.states()[i].ints = states_[i].ints;
    }
  }

 private:
  Network& network_;
  const std::vector<State> states_;
};

}  // namespace

CheckpointStudy study_checkpoint(Network& network, Network* twin, TrainSource& data, const StudyOptions& options) {
  if (twin)
    for (size_t i = 0; i < network.params().size(); ++i) twin->params()[i].value = network.params()[i].value;
  Study study(network, options);
  CheckpointStudy result;
  KeptStates states(network);
  network.set_observer(&study);
  for (int b = 0; b < options.batches; ++b) {
    const Batch batch = data.get(0, b);
    std::vector<Gradients> steps;
    for (int k = 0; k < options.roundings; ++k) {
      study.active = k == 0;
      const StepResult step = network.train_step(batch, uint64_t(b) * uint64_t(options.roundings) + uint64_t(k));
      result.loss += step.loss / options.batches / options.roundings;
      states.put_back();
      steps.push_back(weight_gradients(network, study.layers));
    }
    Gradients full;
    if (twin) {
      twin->train_step(batch, uint64_t(b));
      full = weight_gradients(*twin, study.layers);
    }
    for (size_t i = 0; i < study.layers.size(); ++i)
      add_cosines(study.layers[i], i, steps, twin ? &full : nullptr, options.batches);
  }
  network.set_observer(nullptr);
  result.layers = std::move(study.layers);
  return result;
}

}  // namespace subbyte
