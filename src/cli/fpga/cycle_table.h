// Cycles of a step's products on one array, next to FP16's on as much area.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fpga/cycles.h"

namespace subbyte {

class CycleTable {
 public:
  /// `fp16_area`: of an FP16 PE, in PEs of the array; 0: no FP16 beside it.
  CycleTable(const ArrayConfig& config, double fp16_area) : config_(config), fp16_area_(fp16_area) {}
  void add(const std::string& layer, const ArrayProduct& product, const std::vector<Schedule>& parts);
  /// The totals, after a line for each product if `each`.
  std::string text(bool each) const;
  nlohmann::ordered_json json() const;

 private:
  struct Row {
    std::string layer, product;
    ProductSize size;
    size_t parts = 0;
    bool by_block = false;
    Cycles cycles;
  };
  Cycles total() const;
  std::vector<ProductSize> sizes() const;
  int float_pes() const;

  ArrayConfig config_;
  double fp16_area_;
  std::vector<Row> rows_;
};

}  // namespace subbyte
