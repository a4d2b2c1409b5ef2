// subbyte report RUN... -o FILE
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/commands.h"
#include "cli/report/page.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

struct ReportArgs {
  std::vector<std::string> runs;
  std::string out, title;
  bool json = false;
};

std::string default_title(const std::vector<RunHistory>& runs) {
  return runs.size() == 1 ? fmt::format("Training run {}", runs[0].name)
                          : fmt::format("Comparison of {} training runs", runs.size());
}

int report(const ReportArgs& args) {
  Comparison comparison;
  comparison.runs = load_histories(args.runs);
  comparison.title = args.title.empty() ? default_title(comparison.runs) : args.title;
  comparison.groups = group_runs(comparison.runs);
  comparison.differences = config_differences(comparison.runs);
  write_file(args.out, report_page(comparison));
  if (args.json) {
    nlohmann::ordered_json json = {{"report", printable_utf8(args.out)}};
    json.update(report_json(comparison));
    fmt::print("{}\n", json.dump());
    return 0;
  }
  for (const std::string& note : notes(comparison)) fmt::print("{}\n", note);
  fmt::print("{}: {} of {} run{}\n", args.out, comparison.runs.size() == 1 ? "report" : "comparison", comparison.runs.size(),
             comparison.runs.size() == 1 ? "" : "s");
  return 0;
}

}  // namespace

void add_report(CommandLine& line) {
  CLI::App* command =
      line.app.add_subcommand("report", "Compare runs on one HTML page: results, configurations, curves, time, memory.");
  auto args = std::make_shared<ReportArgs>();
  command->add_option("RUN", args->runs, "run folders, finished or under way; their checkpoints are not needed")->required();
  command->add_option("-o,--out", args->out, "the page; it holds all that it shows")->type_name("FILE")->required();
  command->add_option("--title", args->title, "title of the page")->type_name("TEXT");
  command->add_flag("--json", args->json, "print {report, title, runs, groups, differences, notes} too");
  command->callback([&line, args] { line.action = [args] { return report(*args); }; });
}

}  // namespace subbyte
