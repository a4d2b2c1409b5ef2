// The report as one JSON object, with every number as it is in the files.
#include <nlohmann/json.hpp>

#include "cli/report/page.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

using Json = nlohmann::ordered_json;

Json run_json(const RunHistory& run) {
  Json json = {{"run", printable_utf8(run.path)},
               {"name", printable_utf8(run.name)},
               {"model", run.settings.model.name},
               {"format", run.settings.format.name},
               {"seed", run.settings.train.seed},
               {"epoch", run.epochs_done()},
               {"epochs", run.settings.train.epochs},
               {"cut_short", run.cut_short}};
  if (run.epochs.empty()) return json;
  json["seconds"] = run.seconds();
  json["peak_rss_mib"] = run.peak_rss_mib();
  if (const auto rate = run.images_per_second()) json["images_per_second"] = *rate;
  json["last_epoch"] = Json::parse(metrics_line(run.epochs.back()));
  return json;
}

void add_statistic(Json& json, const char* name, const std::optional<Statistic>& statistic) {
  if (!statistic) return;
  json[name] = {{"count", statistic->count}, {"mean", statistic->mean}};
  if (statistic->deviation) json[name]["deviation"] = *statistic->deviation;
}

Json group_json(const RunGroup& group, const std::vector<RunHistory>& runs) {
  Json json = {{"format", group.format}, {"runs", Json::array()}, {"epoch", group.epoch}, {"seeds", group.counted.size()}};
  for (size_t run : group.runs) json["runs"].push_back(printable_utf8(runs[run].name));
  add_statistic(json, "train_loss", group.train_loss);
  add_statistic(json, "val_accuracy", group.val_accuracy);
  add_statistic(json, "test_accuracy", group.test_accuracy);
  if (group.gap) json["points_to_fp32"] = *group.gap;
  if (!group.gap_text.empty()) json["gap_remark"] = group.gap_text;
  return json;
}

}  // namespace

nlohmann::ordered_json report_json(const Comparison& comparison) {
  Json json = {{"title", printable_utf8(comparison.title)},
               {"runs", Json::array()},
               {"groups", Json::array()},
               {"differences", Json::object()},
               {"notes", Json::array()}};
  for (const RunHistory& run : comparison.runs) json["runs"].push_back(run_json(run));
  for (const RunGroup& group : comparison.groups) json["groups"].push_back(group_json(group, comparison.runs));
  for (const KeyDifference& difference : comparison.differences) {
    Json& values = json["differences"][difference.key] = Json::array();
    for (const std::string& value : difference.values) values.push_back(printable_utf8(value));
  }
  for (const std::string& note : notes(comparison)) json["notes"].push_back(printable_utf8(note));
  return json;
}

}  // namespace subbyte
