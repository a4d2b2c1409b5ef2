// subbyte bench WHAT
#include "cli/bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/isa.h"
#include "base/names.h"
#include "base/threads.h"
#include "cli/commands.h"
#include "nn/spec.h"
#include "quant/format.h"

namespace subbyte {
namespace bench {
namespace {

struct Kind {
  const char *name, *help;
  std::vector<std::string> options;  ///< beyond --threads and --json
  Json (*run)(const Args& args);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list = {
      {"peak", "what this machine can do: dot products, multiply-adds, memory", {}, run_peak},
      {"products",
       "forward, backward-data and backward-weights of every shape of a model; --model all: of three models",
       {"--model", "--batch", "--format", "--size", "--classes", "--steps"},
       run_products},
      {"norm", "normalization, forward and backward, L1 and L2", {"--batch", "--steps"}, run_norm},
      {"quantize", "streams to codes and back, random numbers", {"--batch", "--format", "--steps"}, run_quantize},
      {"step",
       "whole training steps, the update included",
       {"--model", "--batch", "--format", "--norm", "--size", "--classes", "--steps", "--profile"},
       run_step},
  };
  return list;
}

const Kind& find_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  throw UsageError(fmt::format("bench: found '{}', expected {}{}", name, fmt::join(names, ", "), did_you_mean(name, names)));
}

void require_range(const char* option, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high)
    throw UsageError(fmt::format("{}: found {}, expected a whole number, {} to {}", option, value, low, high));
}

int run(Args args, const CLI::App& command) {
  const Kind& kind = find_kind(args.what);
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || name.rfind("--", 0) != 0 || name == "--threads" || name == "--json") continue;
    if (std::find(kind.options.begin(), kind.options.end(), name) == kind.options.end())
      throw UsageError(fmt::format("bench {}: {} does not apply", kind.name, name));
  }
  require_range("--threads", args.threads, 0, 1024);
  require_range("--batch", args.batch, 1, 65536);
  require_range("--steps", args.steps, 0, 1000000);
  require_range("--classes", args.classes, 2, 100000);
  require_range("--size", args.size, 0, 1024);
  args.batch_given = command.get_option("--batch")->count() > 0;
  Format::parse(args.format);
  parse_norm(args.norm);

  Json json = {{"bench", kind.name},
               {"version", SUBBYTE_VERSION},
               {"isa", isa_name(selected_isa())},
               {"threads", thread_count(args)}};
  json.update(kind.run(args));
  if (!args.json.empty()) write_file(args.json, json.dump(2) + "\n");
  return 0;
}

}  // namespace

int thread_count(const Args& args) { return args.threads > 0 ? int(args.threads) : available_processors(); }

Format integer_format(const Args& args) {
  const Format format = Format::parse(args.format);
  if (!format.is_integer())
    throw UsageError(fmt::format("bench {}: found format '{}', expected wXaYgZ", args.what, args.format));
  return format;
}

Settings settings_of(const Args& args, int64_t size) {
  Settings settings;
  settings.model.name = args.model;
  settings.format.name = args.format;
  settings.norm.kind = args.norm;
  settings.train.batch = args.batch;
  settings.train.threads = thread_count(args);
  settings.input.height = settings.input.width = size;
  settings.input.channels = 3;
  settings.input.classes = args.classes;
  settings.input.mean = {0.5, 0.5, 0.5};
  settings.input.stddev = {0.25, 0.25, 0.25};
  return settings;
}

}  // namespace bench

void add_bench(CommandLine& line) {
  std::string what = "what to measure:";
  for (const bench::Kind& kind : bench::kinds()) what += fmt::format("\n{}: {}", kind.name, kind.help);
  CLI::App* command = line.app.add_subcommand("bench", "Measure speed; every answer is checked first.");
  auto args = std::make_shared<bench::Args>();
  command->add_option("WHAT", args->what, what)->required();
  command->add_option("--model", args->model, "model, see `subbyte models`")->capture_default_str();
  command->add_option("--batch", args->batch, "images at a time")->capture_default_str();
  command->add_option("--format", args->format, "number format, see `subbyte formats`")->capture_default_str();
  command->add_option("--norm", args->norm, "normalization: l1 or l2")->capture_default_str();
  command->add_option("--size", args->size, "pixels of the input's sides (default 32)");
  command->add_option("--classes", args->classes, "outputs of the model")->capture_default_str();
  command->add_option("--threads", args->threads, "threads; 0: all that are available")->capture_default_str();
  command->add_option("--steps", args->steps, "timed repetitions (default: at least 20 and 2 s)");
  command->add_option("--json", args->json, "also write the result to this file, as one object");
  command->add_flag("--profile", args->profile, "of a step: a table of layers and phases");
  command->callback([&line, args, command] { line.action = [args, command] { return bench::run(*args, *command); }; });
}

}  // namespace subbyte
