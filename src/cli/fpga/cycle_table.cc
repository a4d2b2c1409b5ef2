#include "cli/fpga/cycle_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/fpga/description.h"

namespace subbyte {

void CycleTable::add(const std::string& layer, const ArrayProduct& p, const std::vector<Schedule>& parts) {
  Row row{layer, p.name, {p.m(), p.n(), p.k}, parts.size(), false, {}};
  for (const Schedule& part : parts) {
    row.cycles += count_cycles(part);
    row.by_block |= part.by_block;
  }
  row.cycles.macs = int64_t(p.m()) * p.n() * p.k;  // parts share them
  rows_.push_back(row);
}

Cycles CycleTable::total() const {
  Cycles sum;
  for (const Row& row : rows_) sum += row.cycles;
  return sum;
}

std::vector<ProductSize> CycleTable::sizes() const {
  std::vector<ProductSize> all;
  for (const Row& row : rows_) all.push_back(row.size);
  return all;
}

int CycleTable::float_pes() const { return std::max(1, int(double(config_.rows) * config_.cols / fp16_area_)); }

std::string CycleTable::text(bool each) const {
  const double pes = double(config_.rows) * config_.cols;
  const auto line = [&](const std::string& layer, const std::string& product, const Cycles& c, const std::string& more) {
    return fmt::format("{:<22} {:<18} {:>11} {:>7} {:>11} {:>11} {:>6.1f}%{}\n", layer, product, c.macs, c.tiles, c.sequential,
                       c.overlapped, 100.0 * double(c.macs) / (double(c.overlapped) * pes), more);
  };
  std::string out = fmt::format(
      "{}x{} array, {}, codes of {} and {} bits; cycles one tile after the other, and with filling and draining overlapped\n"
      "{:<22} {:<18} {:>11} {:>7} {:>11} {:>11} {:>7}\n",
      config_.rows, config_.cols, placement_name(config_.placement), config_.a_bits, config_.b_bits, "layer", "product", "MAC",
      "tiles", "cycles", "overlapped", "in use");
  for (const Row& row : rows_) {
    if (!each) break;
    std::string more;
    if (row.parts > 1) more += fmt::format("  {} parts", row.parts);
    if (row.by_block) more += "  shifts of blocks: several beats an index";
    out += line(row.layer, row.product, row.cycles, more);
  }
  out += line("all", fmt::format("{} products", rows_.size()), total(), "");
  if (fp16_area_ == 0) return out;
  const Cycles own = total();
  for (bool overlapped : {false, true}) {
    const FloatArray best = best_float_array(sizes(), float_pes(), overlapped);
    const int64_t fp16 = overlapped ? best.cycles.overlapped : best.cycles.sequential;
    const int64_t here = overlapped ? own.overlapped : own.sequential;
    out += fmt::format("FP16 on as much area ({} PEs, {}x{}){}: {} cycles, {:.2f} times as many\n", float_pes(), best.rows,
                       best.cols, overlapped ? ", overlapped" : "", fp16, double(fp16) / double(here));
  }
  return out;
}

nlohmann::ordered_json CycleTable::json() const {
  nlohmann::ordered_json json = {{"products", nlohmann::ordered_json::array()}, {"total", cycles_json(total())}};
  for (const Row& row : rows_)
    json["products"].push_back({{"layer", row.layer},
                                {"product", row.product},
                                {"m", row.size.m},
                                {"n", row.size.n},
                                {"k", row.size.k},
                                {"parts", row.parts},
                                {"by_block", row.by_block},
                                {"cycles", cycles_json(row.cycles)}});
  if (fp16_area_ == 0) return json;
  json["fp16"] = {{"area_of_a_pe", fp16_area_}, {"pes", float_pes()}};
  for (bool overlapped : {false, true}) {
    const FloatArray best = best_float_array(sizes(), float_pes(), overlapped);
    json["fp16"][overlapped ? "overlapped" : "sequential"] = {
        {"rows", best.rows}, {"cols", best.cols}, {"cycles", overlapped ? best.cycles.overlapped : best.cycles.sequential}};
  }
  return json;
}

}  // namespace subbyte
