#include "cli/start_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/isa.h"
#include "cli/setup.h"
#include "nn/integer/activation_blocks.h"
#include "nn/integer/gradient.h"

namespace subbyte {
namespace {

/// The groups of the second product, which stands for the inner ones, then every product that has others.
std::string groups_text(const Network& network) {
  std::vector<LayerInfo> products;
  for (const LayerInfo& layer : network.layers())
    if (!layer.groups.empty()) products.push_back(layer);
  const std::string inner = products[products.size() > 1 ? 1 : 0].groups;
  std::string text = inner;
  for (const LayerInfo& layer : products)
    if (layer.groups != inner) text += fmt::format(", {} {}", layer.name, layer.groups);
  return text;
}

/// Of the product that has the most; nothing where none has any.
std::string filters_text(const Network& network) {
  int most = 1;
  for (const LayerInfo& layer : network.layers()) most = std::max(most, layer.filter_groups);
  return most > 1 ? fmt::format("; filters of weights {}", most) : "";
}

/// The products that run in another format than the run's, as the network executes them.
std::string wider_text(const Network& network, const std::string& format) {
  std::string text;
  for (const LayerInfo& layer : network.layers())
    if (layer.weight_bytes > 0 && layer.format != format)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layer.name, layer.format);
  return text.empty() ? "none" : text;
}

std::string data_text(const Settings& s, const RunData& data) {
  std::string text = fmt::format("{}: {} training", s.data.name, data.train->size());
  if (data.val) text += fmt::format(", {} validation", data.val->size());
  if (data.test) text += fmt::format(", {} test", data.test->size());
  return text + fmt::format(" records of {}x{}x{}, {} classes; crop {}, flip {}, cutout {}", s.input.height,
                            s.input.width, s.input.channels, s.input.classes, s.data.crop, s.data.flip, s.data.cutout);
}

/// Nothing where it is as usual.
std::string rounding_text(const Settings& s) {
  if (parse_rounding(s.quant.round_g) == Rounding::nearest) return "; gradients rounded to the nearest";
  return s.quant.draws_g > 1 ? "; gradients rounded for each product" : "";
}

}  // namespace

std::vector<std::string> start_lines(const Settings& s, const RunData& data, const Network& network,
                                     int64_t steps_per_epoch) {
  int64_t parameters = 0;
  for (const LayerInfo& layer : network.layers()) parameters += layer.parameters;
  const bool integer = Format::parse(s.format.name).is_integer();
  std::vector<std::string> lines;
  lines.push_back(fmt::format("model    {}, {} parameters", s.model.name, parameters));
  lines.push_back("data     " + data_text(s, data));
  if (integer) {
    lines.push_back(fmt::format("format   {}; products in another format: {}", s.format.name,
                                wider_text(network, s.format.name)));
    const QuantConfig quant = network_config(s).quant;
    lines.push_back(fmt::format("groups   weights/activations/gradients {}; samples {}; "
                                "blocks of activations {}, gradients {}{}{}",
                                groups_text(network), s.quant.sample_groups,
                                1 + activation_shift(quant, Format::parse(s.format.name).a, false),
                                1 + block_shift(quant, Format::parse(s.format.name).g), filters_text(network),
                                rounding_text(s)));
    lines.push_back(fmt::format("norm     {}, input {} bits, of which {} are saved, gradient {} bits", s.norm.kind,
                                s.quant.norm_bits, quant.saved_norm_bits(Format::parse(s.format.name).a),
                                s.quant.norm_grad_bits));
  } else {
    lines.push_back(fmt::format("format   {} in all layers", s.format.name));
    lines.push_back(fmt::format("norm     {}", s.norm.kind));
  }
  lines.push_back(fmt::format("recipe   {} epochs of {} steps of {}, {} to {}, momentum {}{}, weight decay {}, seed {}",
                              s.train.epochs, steps_per_epoch, s.train.batch, s.schedule.name, s.optimizer.lr,
                              s.optimizer.momentum, s.optimizer.nesterov ? " (Nesterov)" : "", s.optimizer.weight_decay,
                              s.train.seed));
  const char* kernels = integer ? isa_name(selected_isa()) : "oneDNN";
  lines.push_back(fmt::format("machine  {}, {} threads", kernels, thread_count(s)));
  return lines;
}

}  // namespace subbyte
