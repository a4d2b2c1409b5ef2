// subbyte fpga schedule RUN
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/names.h"
#include "cli/fpga/area.h"
#include "cli/fpga/cycle_table.h"
#include "cli/fpga/description.h"
#include "cli/fpga/fpga.h"
#include "cli/measured_run.h"
#include "cli/sources.h"
#include "cli/utf8.h"
#include "fpga/parts.h"

namespace subbyte {
namespace {

using Json = nlohmann::ordered_json;

struct ScheduleArgs {
  MeasuredRunArgs run{.run = {}, .data = {}, .batch = 1};
  ArrayArgs array;
  std::string layer, out, resources;
  bool all = false, cycles = false, json = false;
  int record = 0;
  double fp16_area = 0;
};

void check(const ScheduleArgs& args) {
  if (args.all == !args.layer.empty()) throw UsageError("fpga schedule: expected one of --layer NAME and --all");
  if (args.out.empty() && !args.cycles) throw UsageError("fpga schedule: expected -o DIR, or --cycles to count alone");
  if (args.run.batch < 1) throw UsageError(fmt::format("--batch: found {}, expected 1 or more", args.run.batch));
  if (args.record < 0 || args.record >= args.run.batch)
    throw UsageError(fmt::format("--record: found {}, expected 0 to {}, a record of the batch", args.record,
                                 args.run.batch - 1));
  if (args.fp16_area != 0 && !(args.fp16_area >= 1 && args.fp16_area <= 1000))
    throw UsageError(fmt::format("--fp16-area: found {}, expected 1 to 1000", args.fp16_area));
  if (args.fp16_area != 0 && !args.resources.empty())
    throw UsageError("fpga schedule: expected one of --fp16-area and --resources");
}

std::vector<std::string> wanted_layers(const ScheduleArgs& args, const ModelSpec& model) {
  const std::vector<std::string> known = array_layers(model);
  if (args.all) return known;
  for (const std::string& name : known)
    if (name == args.layer) return {name};
  for (const Node& node : model.nodes)
    if (node.name == args.layer)
      throw UsageError(fmt::format("--layer: found '{}', which is {}; expected a convolution of all channels or a linear layer",
                                   args.layer, node.depthwise ? "a depthwise convolution" : node_kind_name(node.kind)));
  throw UsageError(fmt::format("--layer: found '{}', expected a convolution or linear layer of {}{}", args.layer, model.name,
                               did_you_mean(args.layer, known)));
}

std::vector<Schedule> schedules_of(const ArrayProduct& product, const ArrayConfig& config) {
  std::vector<Schedule> schedules;
  for (const ArrayProduct& part : split_product(product, config)) {
    schedules.push_back(make_schedule(part, config));
    check_schedule(schedules.back());
  }
  return schedules;
}

/// Files of a layer's products in `folder`, and what describes them.
void write_layer(const LayerProducts& layer, const std::vector<std::vector<Schedule>>& schedules, Json json,
                 const std::string& folder) {
  make_folder(folder);
  json["layer"] = layer.layer;
  json["sample_shift"] = layer.sample_shift;
  json["products"] = Json::array();
  for (size_t i = 0; i < schedules.size(); ++i)
    for (const Schedule& s : schedules[i]) {
      const std::string prefix = s.product.name + ".";
      const std::vector<HexFile> files = schedule_files(s);
      for (const HexFile& file : files) write_file(folder + "/" + prefix + file.name + ".hex", file.text);
      json["products"].push_back(product_json(s, layer.products[i].name, prefix, files));
    }
  write_file(folder + "/schedule.json", json.dump(1) + "\n");
}

int schedule(const ScheduleArgs& args) {
  check(args);
  const LoadedRun run = open_measured_run(args.run);
  require_quantized(run, args.run.run);
  const Settings& settings = run.config.settings;
  const ArrayConfig config = array_of(args.array, args.array.format.empty() ? settings.format.name : args.array.format);
  const double fp16_area = args.resources.empty() ? args.fp16_area : fp16_area_of(args.resources, config);
  const std::unique_ptr<Network> network = build_network(settings);
  const std::vector<std::string> layers = wanted_layers(args, network->model());
  const RunData data = open_measured_data(run);
  TrainLoader loader(data.train, int(settings.train.batch), augmentation(settings), uint64_t(settings.train.seed));
  LoaderSource source(loader);
  restore(run.checkpoint, *network, nullptr);
  const Progress& progress = run.checkpoint.info.progress;
  const std::vector<LayerProducts> recorded =
      record_products(*network, source.get(0, 0), uint64_t(progress.step), args.record, layers);

  Json head = {{"version", 1},
               {"run", printable_utf8(args.run.run)},
               {"model", settings.model.name},
               {"format", settings.format.name},
               {"step", progress.step},
               {"batch", settings.train.batch},
               {"record", args.record},
               {"array", array_json(config)}};
  CycleTable table(config, fp16_area);
  for (const LayerProducts& layer : recorded) {
    std::vector<std::vector<Schedule>> schedules;
    for (const ArrayProduct& p : layer.products) {
      try {
        schedules.push_back(schedules_of(p, config));
      } catch (const UsageError& e) {
        throw UsageError(fmt::format("layer '{}': {}", layer.layer, e.what()));
      }
      table.add(layer.layer, p, schedules.back());
    }
    if (!args.out.empty()) write_layer(layer, schedules, head, args.all ? args.out + "/" + layer.layer : args.out);
  }
  if (args.json) {
    head.update(table.json());
    fmt::print("{}\n", head.dump());
    return 0;
  }
  fmt::print("{} {}, batch {}: every sum is the kernels' own\n{}", settings.model.name, settings.format.name,
             settings.train.batch, table.text(args.cycles));
  if (!args.out.empty()) fmt::print("{}: {} layer{}\n", args.out, recorded.size(), recorded.size() == 1 ? "" : "s");
  return 0;
}

}  // namespace

void add_fpga_schedule(CommandLine& line, CLI::App& fpga) {
  CLI::App* command = fpga.add_subcommand(
      "schedule", "Write what the array is fed with for a layer's three products in one training step, and the sums it gives.");
  auto args = std::make_shared<ScheduleArgs>();
  add_measured_run(*command, args->run, "its last checkpoint", "images of the step, normalized together (default 1)");
  command->add_option("--layer", args->layer, "a convolution or linear layer, as `subbyte info` names it")->type_name("NAME");
  command->add_flag("--all", args->all, "every layer, each into a folder of its name");
  command->add_option("-o,--out", args->out, "folder for schedule.json and the memories")->type_name("DIR");
  command->add_option("--record", args->record, "image of the batch (default 0)");
  command->add_option("--array-format", args->array.format, "formats that the array takes whole (default: the run's); layers "
                      "with more bits come in parts");
  add_array_options(*command, args->array);
  command->add_flag("--cycles", args->cycles, "print the cycles of every product");
  command->add_option("--fp16-area", args->fp16_area,
                      "area of an FP16 PE in PEs of this array: count cycles of an FP16 array as large as this one, too");
  command->add_option("--resources", args->resources, "the same from the file of a resource report (fpga/report)")
      ->type_name("FILE");
  command->add_flag("--json", args->json, "print one object instead of the table");
  command->callback([&line, args] { line.action = [args] { return schedule(*args); }; });
}

}  // namespace subbyte
