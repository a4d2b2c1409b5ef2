#include "cli/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/config.h"

namespace subbyte {
namespace {

/// The text is the same for two runs if they differ in nothing but the seed and what changes no result.
std::string recipe_text(Settings settings) {
  settings.train.seed = 0;
  return to_toml(settings, TomlPart::checkpoint);
}

/// The recipe without what is about integer formats alone: the same for a run and its twin.
std::string twin_text(Settings settings) {
  settings.format = Settings{}.format;
  settings.quant = Settings{}.quant;
  settings.evaluation.folded = false;
  return recipe_text(settings);
}

template <class Value>
std::optional<Statistic> statistic(const std::vector<RunHistory>& runs, const std::vector<size_t>& which, Value value) {
  std::vector<double> values;
  for (size_t run : which)
    if (const std::optional<double> found = value(runs[run].epochs.back())) values.push_back(*found);
  return values.empty() ? std::nullopt : std::optional(subbyte::statistic(values));
}

void measure(RunGroup& group, const std::vector<RunHistory>& runs) {
  for (size_t run : group.runs) {
    if (runs[run].epochs.empty() || runs[run].epochs.back().step <= group.step) continue;
    group.epoch = runs[run].epochs.back().epoch;
    group.step = runs[run].epochs.back().step;
  }
  std::set<int64_t> seeds;
  for (size_t run : group.runs)
    if (!runs[run].epochs.empty() && runs[run].epochs.back().step == group.step &&
        seeds.insert(runs[run].settings.train.seed).second)
      group.counted.push_back(run);
  using Optional = std::optional<double>;
  group.train_loss = statistic(runs, group.counted, [](const EpochMetrics& m) { return Optional(m.train_loss); });
  group.val_accuracy = statistic(runs, group.counted, [](const EpochMetrics& m) { return m.val_accuracy; });
  group.test_accuracy = statistic(runs, group.counted, [](const EpochMetrics& m) { return m.test_accuracy; });
}

/// The FP32 group of the same recipe, or else the only one; null where there is none.
const RunGroup* twin_of(const RunGroup& group, const std::vector<RunGroup>& groups, const std::vector<RunHistory>& runs) {
  const auto settings = [&](const RunGroup& g) { return runs[g.runs[0]].settings; };
  std::vector<const RunGroup*> twins;
  for (const RunGroup& other : groups) {
    if (other.format != "fp32") continue;
    if (twin_text(settings(other)) == twin_text(settings(group))) return &other;
    twins.push_back(&other);
  }
  return twins.size() == 1 ? twins[0] : nullptr;
}

void measure_gap(RunGroup& group, const std::vector<RunGroup>& groups, const std::vector<RunHistory>& runs) {
  if (group.format == "fp32") return;
  const RunGroup* twin = twin_of(group, groups, runs);
  if (twin == nullptr) {
    const bool any = std::any_of(groups.begin(), groups.end(), [](const RunGroup& g) { return g.format == "fp32"; });
    group.gap_text = any ? "no fp32 run of the same recipe" : "no fp32 run";
    return;
  }
  const bool same_recipe = twin_text(runs[group.runs[0]].settings) == twin_text(runs[twin->runs[0]].settings);
  if (twin->epoch != group.epoch || (same_recipe && twin->step != group.step)) {
    group.gap_text = fmt::format("epoch {}, step {} against epoch {}, step {} of fp32", group.epoch, group.step,
                                 twin->epoch, twin->step);
    return;
  }
  const bool test = group.test_accuracy && twin->test_accuracy;
  const std::optional<Statistic>& own = test ? group.test_accuracy : group.val_accuracy;
  const std::optional<Statistic>& other = test ? twin->test_accuracy : twin->val_accuracy;
  if (!own || !other) {
    group.gap_text = "no accuracy of both";
    return;
  }
  group.gap = 100 * (own->mean - other->mean);
  std::vector<std::string> remarks;
  if (!test) remarks.push_back("validation");
  if (!same_recipe) remarks.push_back("more than the format differs");
  group.gap_text = fmt::format("{}", fmt::join(remarks, "; "));
}

}  // namespace

std::vector<RunGroup> group_runs(const std::vector<RunHistory>& runs) {
  std::vector<RunGroup> groups;
  std::vector<std::string> recipes;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string recipe = recipe_text(runs[i].settings);
    const size_t index = size_t(std::find(recipes.begin(), recipes.end(), recipe) - recipes.begin());
    if (index == recipes.size()) {
      recipes.push_back(recipe);
      groups.emplace_back().format = runs[i].settings.format.name;
    }
    groups[index].runs.push_back(i);
  }
  for (RunGroup& group : groups) measure(group, runs);
  for (RunGroup& group : groups) measure_gap(group, groups, runs);
  return groups;
}

std::vector<KeyDifference> config_differences(const std::vector<RunHistory>& runs) {
  std::vector<KeyDifference> differences;
  for (const Key& key : keys()) {
    KeyDifference difference{key.name, {}};
    std::set<std::string> different;
    for (const RunHistory& run : runs) {
      Settings settings = run.settings;
      difference.values.push_back(value_text(key, settings));
      different.insert(difference.values.back());
    }
    if (different.size() > 1) differences.push_back(std::move(difference));
  }
  return differences;
}

}  // namespace subbyte
