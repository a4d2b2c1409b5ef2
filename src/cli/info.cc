// subbyte info RUN
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/run_folder.h"

namespace subbyte {
namespace {

struct InfoArgs {
  std::string run;
  bool json = false;
};

struct Totals {
  int64_t parameters = 0, weight_bytes = 0, saved_bytes = 0;
};

std::string shape_text(const Shape& shape) { return fmt::format("{}x{}x{}", shape.h, shape.w, shape.c); }

/// Groups over filters of weights, of products alone.
std::string filters_text(const LayerInfo& layer) {
  return layer.groups.empty() ? "" : std::to_string(layer.filter_groups);
}

void print_table(const LoadedRun& run, const std::vector<LayerInfo>& layers, const Totals& totals) {
  const Settings& s = run.config.settings;
  const Progress& at = run.checkpoint.info.progress;
  fmt::print("model   {} for images of {}x{}x{}, {} classes\n", s.model.name, s.input.height, s.input.width,
             s.input.channels, s.input.classes);
  const bool integer = Format::parse(s.format.name).is_integer();
  const std::string ends = fmt::format(", first product {}, last product {}", s.format.first, s.format.last);
  fmt::print("format  {}{}, norm {}\n", s.format.name, integer ? ends : "", s.norm.kind);
  fmt::print("trained on {}: {} epochs and {} steps of {}, {} steps in all, seed {}\n\n", s.data.name.empty() ? "a program's own data" : s.data.name,
             at.epoch, at.step_in_epoch, at.steps_per_epoch, at.step, run.checkpoint.info.seed);
  size_t width = 5;
  for (const LayerInfo& layer : layers) width = std::max(width, layer.name.size());
  const auto row = [width](const std::string& name, const std::string& kind, const std::string& format,
                           const std::string& groups, const auto& filters, const std::string& output,
                           const auto& parameters, const auto& weights, const auto& saved) {
    fmt::print("{:<{}}  {:<15}  {:<8}  {:<12}  {:>13}  {:>12}  {:>10}  {:>12}  {:>17}\n", name, width, kind, format, groups,
               filters, output, parameters, weights, saved);
  };
  row("layer", "kind", "format", "groups w/a/g", "filter groups", "output", "parameters", "weight bytes", "saved bytes/image");
  for (const LayerInfo& layer : layers)
    row(layer.name, layer.kind, layer.format, layer.groups, filters_text(layer), shape_text(layer.output), layer.parameters,
        layer.weight_bytes, layer.saved_bytes_per_image);
  row("total", "", "", "", "", "", totals.parameters, totals.weight_bytes, totals.saved_bytes);
}

nlohmann::ordered_json to_json(const LoadedRun& run, const std::vector<LayerInfo>& layers, const Totals& totals) {
  const Settings& s = run.config.settings;
  const Progress& at = run.checkpoint.info.progress;
  nlohmann::ordered_json json = {
      {"model", s.model.name},
      {"format", s.format.name},
      {"first", s.format.first},
      {"last", s.format.last},
      {"norm", s.norm.kind},
      {"data", s.data.name},
      {"input", {s.input.height, s.input.width, s.input.channels}},
      {"classes", s.input.classes},
      {"epoch", at.epoch},
      {"step", at.step},
      {"seed", run.checkpoint.info.seed},
      {"parameters", totals.parameters},
      {"weight_bytes", totals.weight_bytes},
      {"saved_bytes_per_image", totals.saved_bytes},
      {"layers", nlohmann::ordered_json::array()},
  };
  for (const LayerInfo& layer : layers)
    json["layers"].push_back({{"name", layer.name},
                              {"kind", layer.kind},
                              {"format", layer.format},
                              {"groups", layer.groups},
                              {"filter_groups", layer.filter_groups},
                              {"output", {layer.output.h, layer.output.w, layer.output.c}},
                              {"parameters", layer.parameters},
                              {"weight_bytes", layer.weight_bytes},
                              {"saved_bytes_per_image", layer.saved_bytes_per_image}});
  return json;
}

int info(const InfoArgs& args) {
  const LoadedRun run = load_run(args.run);
  const std::vector<LayerInfo> layers = restored_network(run)->layers();
  Totals totals;
  for (const LayerInfo& layer : layers) {
    totals.parameters += layer.parameters;
    totals.weight_bytes += layer.weight_bytes;
    totals.saved_bytes += layer.saved_bytes_per_image;
  }
  if (args.json) fmt::print("{}\n", to_json(run, layers, totals).dump());
  else print_table(run, layers, totals);
  return 0;
}

}  // namespace

void add_info(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("info", "Show layers, shapes, formats and bytes of a trained model.");
  auto args = std::make_shared<InfoArgs>();
  command->add_option("RUN", args->run, "run folder or .safetensors file")->required();
  command->add_flag("--json", args->json, "print one object with an array of layers");
  command->callback([&line, args] { line.action = [args] { return info(*args); }; });
}

}  // namespace subbyte
