// subbyte eval RUN
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/data_args.h"
#include "cli/run_folder.h"
#include "cli/setup.h"
#include "cli/sources.h"
#include "train/folded.h"

namespace subbyte {
namespace {

struct EvalArgs {
  std::string run;
  DataArgs data;
  int batch = 0;
  bool json = false, folded = false;
};

/// Measures the network with its normalizations folded, and how often it decides as it does with them.
int eval_folded(const EvalArgs& args, const DataSource& data, Network& network, int batch) {
  DatasetSource test(data.test);
  const FoldedComparison both = compare_folded(network, test, batch);
  const double share = double(both.same) / double(both.folded.count);
  if (args.json) {
    const nlohmann::ordered_json json = {{"data", data.name},
                                         {"part", "test"},
                                         {"accuracy", both.folded.accuracy},
                                         {"loss", both.folded.loss},
                                         {"count", both.folded.count},
                                         {"unfolded_accuracy", both.unfolded.accuracy},
                                         {"unfolded_loss", both.unfolded.loss},
                                         {"same_predictions", both.same},
                                         {"same_share", share}};
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("normalizations folded: test accuracy {:.2f}% of {} records, loss {:.4f}\n"
               "not folded:            test accuracy {:.2f}%, loss {:.4f}\n"
               "same prediction for {} of {} records, {:.2f}%\n",
               100 * both.folded.accuracy, both.folded.count, both.folded.loss, 100 * both.unfolded.accuracy,
               both.unfolded.loss, both.same, both.folded.count, 100 * share);
  }
  return 0;
}

int eval(const EvalArgs& args) {
  LoadedRun run = load_run(args.run);
  Settings& settings = run.config.settings;
  apply(args.data, run.config);
  if (args.batch != 0) run.config.set(*find_key("evaluation.batch"), std::to_string(args.batch));
  run.config.finish();

  const DataSource source = open_data({settings.data.name, settings.data.dir, int(settings.data.image_size), false});
  if (!source.test) throw Error(fmt::format("data '{}' has no test part", source.name));
  require_same_input(settings, source, *source.test);
  const std::unique_ptr<Network> network = restored_network(run);

  if (args.folded) {
    if (!Format::parse(settings.format.name).is_integer())
      throw UsageError(fmt::format("--folded: found a run in {}, expected an integer format (wXaYgZ)", settings.format.name));
    return eval_folded(args, source, *network, int(settings.evaluation.batch));
  }
  DatasetSource test(source.test);
  const auto start = std::chrono::steady_clock::now();
  const EvalResult result = evaluate(*network, test, int(settings.evaluation.batch));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = double(result.count) / seconds;
  if (args.json) {
    const nlohmann::ordered_json json = {{"data", source.name},   {"part", "test"},
                                         {"accuracy", result.accuracy}, {"loss", result.loss},
                                         {"count", result.count}, {"images_per_second", rate}};
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("test accuracy {:.2f}% of {} records, loss {:.4f}, {:.0f} images/s\n", 100 * result.accuracy,
               result.count, result.loss, rate);
  }
  return 0;
}

}  // namespace

void add_eval(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("eval", "Measure a trained model on the test part of a data set.");
  auto args = std::make_shared<EvalArgs>();
  command->add_option("RUN", args->run, "run folder or .safetensors file")->required();
  add_data_options(*command, args->data);
  command->add_option("--batch", args->batch, "images at a time; the result does not depend on it");
  command->add_flag("--json", args->json, "print {data, part, accuracy, loss, count, images_per_second}");
  command->add_flag("--folded", args->folded,
                    "fold each normalization into a multiplier, a shift and an offset behind its product; compares predictions");
  command->callback([&line, args] { line.action = [args] { return eval(*args); }; });
}

}  // namespace subbyte
