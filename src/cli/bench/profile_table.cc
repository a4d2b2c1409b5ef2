// A profile as a table: milliseconds of a step by layer and phase, rates of the same cells, totals by phase.
//
// Threads run side by side, so a cell is its threads' time divided by their number: cells add up to the step but for the
// time that threads wait or that one works alone, the remainder.
#include <fmt/format.h>

#include <algorithm>

#include "cli/bench/step.h"
#include "nn/macs.h"

namespace subbyte::bench {
namespace {

constexpr int phases = int(Phase::count);

struct Cell {
  double seconds = 0, macs = 0, bytes = 0;  ///< of a step
  void add(const Cell& other) { seconds += other.seconds, macs += other.macs, bytes += other.bytes; }
  double gmacs() const { return seconds > 0 ? macs / seconds / 1e9 : 0; }
  double gbytes() const { return seconds > 0 ? bytes / seconds / 1e9 : 0; }
};

struct Row {
  std::string name;
  std::vector<Cell> cells = std::vector<Cell>(phases);
  Cell total;
};

struct Table {
  std::vector<Row> rows;  ///< layers with any time, in order; the optimizer last
  Row sum;
  std::vector<int> columns;  ///< phases with any time
};

/// Useful multiply-accumulates: counted from the model, since kernels also multiply padding.
double useful_macs(const ProfiledRun& run, int node, Phase phase) {
  if (node >= int(run.model.nodes.size())) return 0;
  const Macs macs = node_macs(run.model, node);
  const int64_t image = phase == Phase::forward            ? macs.forward
                        : phase == Phase::backward_data    ? macs.backward_data
                        : phase == Phase::backward_weights ? macs.backward_weights
                                                           : 0;
  return double(image) * run.batch;
}

Table table_of(const ProfiledRun& run) {
  Table table;
  for (int node = 0; node < run.profile.nodes(); ++node) {
    Row row;
    row.name = node < int(run.model.nodes.size()) ? run.model.nodes[size_t(node)].name : "optimizer";
    for (int p = 0; p < phases; ++p) {
      const Profile::Cell cell = run.profile.total(node, Phase(p));
      if (cell.seconds == 0) continue;
      row.cells[p] = {cell.seconds / run.threads / run.steps, useful_macs(run, node, Phase(p)),
                      double(cell.bytes) / run.steps};
      row.total.add(row.cells[p]);
      table.sum.cells[p].add(row.cells[p]);
      table.sum.total.add(row.cells[p]);
    }
    if (row.total.seconds > 0) table.rows.push_back(std::move(row));
  }
  table.sum.name = "total";
  for (int p = 0; p < phases; ++p)
    if (table.sum.cells[p].seconds > 0) table.columns.push_back(p);
  return table;
}

/// "backward-weights" in two lines.
std::pair<std::string, std::string> two_lines(const std::string& name) {
  const size_t dash = name.find('-');
  if (dash == std::string::npos) return {"", name};
  return {name.substr(0, dash), name.substr(dash + 1)};
}

constexpr int cell_width = 9;

int column_width(int phase) {
  const auto [upper, lower] = two_lines(phase_name(Phase(phase)));
  return std::max(cell_width, int(std::max(upper.size(), lower.size())) + 2);
}

void print_header(const Table& table, size_t width, const char* title, const std::vector<std::string>& more) {
  std::string first = fmt::format("\n{:<{}}", "", width), second = fmt::format("{:<{}}", title, width);
  for (const int p : table.columns) {
    const auto [upper, lower] = two_lines(phase_name(Phase(p)));
    first += fmt::format("{:>{}}", upper, column_width(p));
    second += fmt::format("{:>{}}", lower, column_width(p));
  }
  for (const std::string& name : more) second += fmt::format("{:>{}}", name, cell_width);
  fmt::print("{}\n{}\n", first, second);
}

std::string rate_text(const Cell& cell, double peak) {
  if (cell.macs > 0)
    return fmt::format("{:.0f}", cell.gmacs()) + (peak > 0 ? fmt::format(" {:.0f}%", 100 * cell.gmacs() / peak) : "");
  return cell.bytes > 0 ? fmt::format("{:.1f}", cell.gbytes()) : "";
}

Json cell_json(const Cell& cell, const ProfiledRun& run) {
  Json json = {{"ms", 1e3 * cell.seconds}, {"share", cell.seconds / run.step_seconds}};
  if (cell.macs > 0) {
    json["gmacs"] = cell.gmacs();
    if (run.peak_gmacs > 0) json["share_of_peak"] = cell.gmacs() / run.peak_gmacs;
  }
  if (cell.bytes > 0) json["gbytes_per_second"] = cell.gbytes();
  return json;
}

}  // namespace

void print_profile(const ProfiledRun& run) {
  const Table table = table_of(run);
  const double step = run.step_seconds, rest = step - table.sum.total.seconds;
  size_t width = 12;
  for (const Row& row : table.rows) width = std::max(width, row.name.size() + 1);

  print_header(table, width, "ms a step", {"all", "share"});
  std::vector<Row> rows = table.rows;
  rows.push_back(table.sum);
  for (const Row& row : rows) {
    fmt::print("{:<{}}", row.name, width);
    for (const int p : table.columns)
      fmt::print("{:>{}}", row.cells[p].seconds > 0 ? fmt::format("{:.2f}", 1e3 * row.cells[p].seconds) : "",
                 column_width(p));
    fmt::print("{:>{}.2f}{:>{}.1f}%\n", 1e3 * row.total.seconds, cell_width, 100 * row.total.seconds / step, cell_width - 1);
  }

  const auto has_rate = [](const Row& row) { return row.total.macs > 0 || row.total.bytes > 0; };
  if (std::any_of(rows.begin(), rows.end(), has_rate)) print_header(table, width, "rate", {});
  for (const Row& row : rows) {
    if (!has_rate(row)) continue;
    std::string line = fmt::format("{:<{}}", row.name, width);
    for (const int p : table.columns) line += fmt::format("{:>{}}", rate_text(row.cells[p], run.peak_gmacs), column_width(p));
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
  if (has_rate(table.sum)) fmt::print("(products: GMAC/s and share of peak; the others: GB/s)\n");

  fmt::print("\n{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "phase", "ms", "of step", "GMAC/s", "of peak", "GB/s");
  for (const int p : table.columns) {
    const Cell& cell = table.sum.cells[p];
    const bool product = cell.macs > 0;
    fmt::print("{:<18}{:>9.2f}{:>8.1f}%{:>9}{:>9}{:>9}\n", phase_name(Phase(p)), 1e3 * cell.seconds,
               100 * cell.seconds / step, product ? fmt::format("{:.0f}", cell.gmacs()) : "",
               product && run.peak_gmacs > 0 ? fmt::format("{:.1f}%", 100 * cell.gmacs() / run.peak_gmacs) : "",
               cell.bytes > 0 ? fmt::format("{:.1f}", cell.gbytes()) : "");
  }
  fmt::print("{:<18}{:>9.2f}{:>8.1f}%  waiting, and work of one thread\n", "in no phase", 1e3 * rest, 100 * rest / step);
  fmt::print("{:<18}{:>9.2f}{:>8.1f}%  mean of {} steps\n", "step", 1e3 * step, 100.0, run.steps);
}

Json profile_json(const ProfiledRun& run) {
  const Table table = table_of(run);
  const auto row_json = [&](const Row& row) {
    Json json = {{"name", row.name}, {"total", cell_json(row.total, run)}, {"phases", Json::object()}};
    for (const int p : table.columns)
      if (row.cells[p].seconds > 0) json["phases"][phase_name(Phase(p))] = cell_json(row.cells[p], run);
    return json;
  };
  Json json = {{"step_ms", 1e3 * run.step_seconds},
               {"in_no_phase_ms", 1e3 * (run.step_seconds - table.sum.total.seconds)},
               {"total", row_json(table.sum)},
               {"layers", Json::array()}};
  for (const Row& row : table.rows) json["layers"].push_back(row_json(row));
  return json;
}

}  // namespace subbyte::bench
