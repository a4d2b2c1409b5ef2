// subbyte bench products: the three products of every distinct convolution and linear layer of a model, as the layer runs
// them, and what ShiftQuant's groups cost.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/isa.h"
#include "cli/bench/bench.h"
#include "cli/bench/measure.h"
#include "cli/bench/permute.h"
#include "cli/bench/product_rig.h"
#include "cli/setup.h"

namespace subbyte::bench {
namespace {

constexpr int shift_groups = permute_groups;

std::vector<ProductCase> cases_of(const NetworkConfig& config) {
  const std::vector<Node>& nodes = config.model.nodes;
  const auto is_product = [](const Node& n) {
    return (n.kind == NodeKind::conv && !n.depthwise) || n.kind == NodeKind::linear;
  };
  const auto source = [&](int id) {
    while (nodes[size_t(id)].kind == NodeKind::flatten) id = nodes[size_t(id)].input;
    return id;
  };
  std::vector<ProductCase> cases;
  bool first = true;
  for (size_t id = 1; id < nodes.size(); ++id) {
    if (!is_product(nodes[id])) continue;
    ProductCase found;
    found.node = nodes[id];
    found.in = nodes[size_t(nodes[id].input)].shape;
    found.format = first ? config.quant.first : id + 1 == nodes.size() ? config.quant.last : config.format;
    found.needs_input_gradient = source(nodes[id].input) != 0;
    found.is_signed = !found.needs_input_gradient;  // pixels; every other product of our models reads past a ReLU
    first = false;
    auto same = cases.begin();
    while (same != cases.end() && !same->same_work(found)) ++same;
    if (same == cases.end()) same = cases.insert(same, found);
    ++same->count;
  }
  return cases;
}

template <class... Columns>
void print_line(const Columns&... columns) {
  fmt::print("{:<30}{:>3}  {:<7}{:>14}{:>14}{:>15}{:>18}{:>14}{:>13}{:>13}{:>13}\n", columns...);
}

struct Times {
  Timing forward, backward;
  /// From the profile, seconds: the products, and what becomes of the weights before them; 0: not recorded.
  double product[3] = {}, weights = 0;
};

using PhaseSeconds = std::array<std::vector<double>, size_t(Phase::count)>;  ///< of every run

class Bench {
 public:
  Bench(const Args& args, int batch)
      : batch_(batch), threads_(thread_count(args)), runs_(args.steps > 0 ? int(args.steps) : 5),
        seconds_(args.steps > 0 ? 0 : 0.15) {
    ThreadPool pool(threads_);
    loop_ = &peak_kernels(selected_isa()).dot8;
    peak_ = loop_gmacs(pool, *loop_);
  }

  Json model(const NetworkConfig& config) {
    const Shape in = config.model.input_shape();
    fmt::print("{} {}, {}x{} pixels, batch {}, {} threads, {}: peak {:.1f} GMAC/s ({})\n\n", config.model.name,
               config.format.name(), in.h, in.w, batch_, threads_, isa_name(selected_isa()), peak_, loop_->instruction);
    print_line("GMAC/s and share of peak", "x", "format", "forward", "its product", "backward-data", "backward-weights",
               "backward", "weights, ms", "groups 4:1", "permute:4");
    Json shapes = Json::array();
    for (const ProductCase& product : cases_of(config)) shapes.push_back(line(product));
    fmt::print("\n");
    return {{"model", config.model.name}, {"size", in.h}, {"batch", batch_}, {"peak_gmacs", peak_}, {"shapes", shapes}};
  }

 private:
  Times time(const ProductCase& product, const QuantConfig& quant) {
    ProductRig(product, quant, 2, threads_).check();
    ProductRig rig(product, quant, batch_, threads_);
    rig.forward(), rig.forward(), rig.backward(), rig.backward();  // the second knows its shift
    Times times;
    PhaseSeconds forward, backward;
    times.forward = timed(runs_, seconds_, [&] { record(rig, &ProductRig::forward, forward); });
    times.backward = timed(runs_, seconds_, [&] { record(rig, &ProductRig::backward, backward); });
    times.product[0] = median(forward, Phase::forward);
    times.product[1] = median(backward, Phase::backward_data);
    times.product[2] = median(backward, Phase::backward_weights);
    times.weights = median(forward, Phase::weights) + median(backward, Phase::weights);
    return times;
  }

  /// Runs a pass under a profile of its own; a phase takes as long as on its slowest thread.
  void record(ProductRig& rig, void (ProductRig::*pass)(), PhaseSeconds& seconds) const {
    Profile profile(threads_, 3);
    rig.context().profile = &profile;
    (rig.*pass)();
    rig.context().profile = nullptr;
    for (size_t p = 0; p < seconds.size(); ++p) {
      double longest = 0;
      for (int t = 0; t < threads_; ++t) longest = std::max(longest, profile.at(t, 1, Phase(p)).seconds);
      seconds[p].push_back(longest);
    }
  }
  static double median(const PhaseSeconds& seconds, Phase phase) { return timing_of(seconds[size_t(phase)]).median; }

  std::string rate_text(double macs, double seconds) const {
    if (seconds <= 0) return "-";
    return fmt::format("{:.0f} {:>5.1f}%", macs / seconds / 1e9, 100 * macs / seconds / 1e9 / peak_);
  }
  Json rate_json(double macs, double seconds) const {
    if (seconds <= 0) return nullptr;
    return {{"seconds", seconds}, {"gmacs", macs / seconds / 1e9}, {"share_of_peak", macs / seconds / 1e9 / peak_}};
  }

  Json line(const ProductCase& product) {
    const Times times = time(product, {});
    QuantConfig one, four;
    one.groups_w = one.groups_a = one.groups_g = 1;
    four.groups_w = four.groups_a = four.groups_g = shift_groups;
    const Times plain = time(product, one), shifted = time(product, four);
    const double forward_cost = shifted.forward.median / plain.forward.median;
    const double backward_cost = shifted.backward.median / plain.backward.median;

    const double macs = double(product.macs()) * batch_, data = product.needs_input_gradient ? macs : 0;
    Json json = {{"shape", product.text()},
                 {"count", product.count},
                 {"format", product.format.name()},
                 {"macs_an_image", product.macs()},
                 {"forward", rate_json(macs, times.forward.median)},
                 {"backward", rate_json(macs + data, times.backward.median)},
                 {"forward_phase", rate_json(macs, times.product[0])},
                 {"backward_data_phase", rate_json(data, times.product[1])},
                 {"backward_weights_phase", rate_json(macs, times.product[2])},
                 {"weights_phase_seconds", times.weights},
                 {"groups4_over_groups1", {{"forward", forward_cost}, {"backward", backward_cost}}},
                 {"check", "equal to plain loops at sampled elements"}};
    std::string permute_text = "-";
    if (product.in.c % permute_groups == 0) {
      const PermuteTimes permute = time_permute(product, batch_, threads_, runs_, seconds_);
      const double ratio = permute.seconds() / shifted.forward.median;
      const double without_gather = (permute.products.median + permute.add.median) / shifted.forward.median;
      permute_text = fmt::format("{:.2f} {:.2f}", without_gather, ratio);
      json["permute_over_groups4"] = {{"forward", ratio}, {"forward_without_gather", without_gather}};
    }
    print_line(product.text(), product.count, product.format.name(), rate_text(macs, times.forward.median),
               rate_text(macs, times.product[0]), rate_text(data, data > 0 ? times.product[1] : 0),
               rate_text(macs, times.product[2]), rate_text(macs + data, times.backward.median),
               times.weights > 0 ? fmt::format("{:.2f}", 1e3 * times.weights) : "-",
               fmt::format("{:.2f} {:.2f}", forward_cost, backward_cost), permute_text);
    return json;
  }

  int batch_, threads_, runs_;
  double seconds_, peak_;
  const PeakLoop* loop_;
};

struct Wanted {
  std::string model;
  int64_t size, classes;
};

}  // namespace

Json run_products(const Args& args) {
  integer_format(args);
  std::vector<Wanted> list = {{args.model, args.size > 0 ? args.size : default_size, args.classes}};
  if (args.model == "all") {
    if (args.size > 0) throw UsageError("bench products: --size does not apply to --model all");
    list = {{"resnet20", 32, 10}, {"resnet18", 224, 1000}, {"vgg-small", 32, 10}};
  }
  std::vector<NetworkConfig> configs;
  for (const Wanted& wanted : list) {
    Args one = args;
    one.model = wanted.model, one.classes = wanted.classes;
    configs.push_back(network_config(settings_of(one, wanted.size)));
  }
  fmt::print("Each shape is checked against plain loops (2 images, sampled elements) before it is timed.\n"
             "forward, backward: of the whole layer (weights, codes, epilogue), median; the products alone: from its profile.\n"
             "weights: to codes and packed forms, forward and backward together; it does not grow with the batch.\n"
             "groups 4:1: time with {0} ShiftQuant groups over that with one, forward and backward.\n"
             "permute:4: forward time of permute-group-multiply over that of {0} groups, without and with its gathering.\n\n",
             shift_groups);
  Json json = {{"format", args.format}, {"models", Json::array()}};
  for (size_t i = 0; i < list.size(); ++i) {
    const int batch = int(args.batch_given || list[i].size < 64 ? args.batch : 16);
    json["models"].push_back(Bench(args, batch).model(configs[i]));
  }
  return json;
}

}  // namespace subbyte::bench
