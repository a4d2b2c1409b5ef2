#include "cli/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/sources.h"
#include "train/memory.h"

namespace subbyte {
namespace {

/// Everything beyond the program and the data set, in the order of its allocation.
MemoryPlan plan_of(const Settings& s, const RunData& data, Network& network, const MemoryPlan& steps) {
  int64_t values = 0;
  for (const Param& param : network.params()) values += int64_t(param.value.size()) * int64_t(sizeof(float));
  MemoryPlan plan = {{"parameters", "parameters (FP32 master weights)", values},
                     {"gradients", "gradients", values},
                     {"optimizer", "optimizer's velocities", values}};
  plan.insert(plan.end(), steps.begin(), steps.end());
  plan.push_back({"loader", "batches of the loader", TrainLoader::memory(*data.train, int(s.train.batch))});
  int64_t evaluation = 0;
  if (data.val) evaluation += DatasetSource::memory(*data.val, s.evaluation.batch);
  if (data.test && s.evaluation.test != "never") evaluation += DatasetSource::memory(*data.test, s.evaluation.batch);
  plan.push_back({"evaluation", "batches of evaluation", evaluation});
  return plan;
}

void print_line(const std::string& text, int64_t bytes) { fmt::print("{:<52} {:>15}\n", text, bytes); }

}  // namespace

void print_memory_plan(const Settings& s, const RunData& data, Network& network, const Resident& resident, bool json) {
  const MemoryPlan steps = network.memory_plan(int(s.train.batch));
  const MemoryPlan plan = plan_of(s, data, network, steps);
  const bool complete = !steps.empty();  // the twin's steps are not planned
  const int64_t total = total_bytes(plan);
  const int64_t peak = std::max(peak_rss_bytes(), resident.with_data + total);
  if (json) {
    nlohmann::ordered_json object = {{"model", s.model.name}, {"format", s.format.name}, {"batch", s.train.batch},
                                     {"threads", thread_count(s)}};
    for (const MemoryItem& item : plan) object[item.key] = item.bytes;
    object["total"] = complete ? nlohmann::ordered_json(total) : nullptr;
    object["data"] = resident.with_data - resident.program;
    object["program"] = resident.program;
    object["expected_peak_rss"] = complete ? nlohmann::ordered_json(peak) : nullptr;
    fmt::print("{}\n", object.dump());
    return;
  }
  fmt::print("memory of {} {}, batch {}, {} threads, in bytes\n", s.model.name, s.format.name, s.train.batch, thread_count(s));
  for (const MemoryItem& item : plan) print_line((item.is_part ? "    " : "  ") + item.text, item.bytes);
  if (complete) print_line("total beyond data set and program", total);
  else fmt::print("  (steps of {} are not planned)\n", s.format.name);
  print_line("data set (measured)", resident.with_data - resident.program);
  print_line("program (measured)", resident.program);
  if (complete) print_line("expected peak of the process", peak);
}

}  // namespace subbyte
