#include "fpga/cycles.h"

#include <algorithm>

#include "base/error.h"

namespace subbyte {

Cycles& Cycles::operator+=(const Cycles& o) {
  macs += o.macs;
  tiles += o.tiles;
  beats += o.beats;
  sequential += o.sequential;
  overlapped += o.overlapped;
  return *this;
}

Cycles count_cycles(const Schedule& s) {
  const int64_t rows = s.config.rows, ends = 2 * rows + s.config.cols;
  Cycles c;
  c.macs = int64_t(s.product.m()) * s.product.n() * s.product.k;
  c.tiles = int64_t(s.tiles.size());
  for (const Tile& tile : s.tiles) {
    c.beats += tile.count;
    c.sequential += tile.count + ends;
    c.overlapped += std::max(tile.count, rows);
  }
  c.overlapped += ends;
  return c;
}

Cycles float_cycles(ProductSize p, int rows, int cols) {
  const int64_t ends = 2 * int64_t{rows} + cols;
  Cycles c;
  c.macs = p.m * p.n * p.k;
  c.tiles = (p.m + rows - 1) / rows * ((p.n + cols - 1) / cols);
  c.beats = c.tiles * p.k;
  c.sequential = c.beats + c.tiles * ends;
  c.overlapped = c.tiles * std::max<int64_t>(p.k, rows) + ends;
  return c;
}

FloatArray best_float_array(const std::vector<ProductSize>& products, int pes, bool overlapped) {
  if (pes < 1) throw UsageError("processing elements of the FP16 array: found " + std::to_string(pes) + ", expected 1 or more");
  FloatArray best;
  for (int rows = 1; rows <= pes; ++rows) {
    const int cols = pes / rows;
    Cycles total;
    for (const ProductSize& p : products) total += float_cycles(p, rows, cols);
    const auto count = [&](const Cycles& c) { return overlapped ? c.overlapped : c.sequential; };
    if (rows == 1 || count(total) < count(best.cycles)) best = {rows, cols, total};
  }
  return best;
}

}  // namespace subbyte
