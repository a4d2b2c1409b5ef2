#include "nn/integer/phases.h"

#include <algorithm>

namespace subbyte {
namespace {

struct AxisTap {
  int tap, position;  // kernel coordinate; gradient coordinate of the phase's first pixel
};

/// Taps of one axis that meet phase `p`, positions ascending.
std::vector<AxisTap> axis_taps(int p, int kernel, int stride, int pad) {
  std::vector<AxisTap> taps;
  for (int d = kernel - 1; d >= 0; --d)
    if ((p + pad - d) % stride == 0) taps.push_back({d, (p + pad - d) / stride});
  return taps;
}

}  // namespace

BackwardPhases backward_phases(const ProductShape& s) {
  BackwardPhases all;
  int last_row = s.out.h - 1, last_column = s.out.w - 1;
  for (int y = 0; y < std::min(s.stride, s.in.h); ++y)
    for (int x = 0; x < std::min(s.stride, s.in.w); ++x) {
      Phase2d phase{y, x, (s.in.h - y + s.stride - 1) / s.stride, (s.in.w - x + s.stride - 1) / s.stride, {}, {}, {}};
      for (const AxisTap& row : axis_taps(y, s.kh, s.stride, s.pad))
        for (const AxisTap& column : axis_taps(x, s.kw, s.stride, s.pad)) {
          phase.taps.push_back(row.tap * s.kw + column.tap);
          phase.row.push_back(row.position);
          phase.column.push_back(column.position);
          all.top = std::max(all.top, -row.position);
          all.left = std::max(all.left, -column.position);
          last_row = std::max(last_row, row.position + phase.rows - 1);
          last_column = std::max(last_column, column.position + phase.columns - 1);
        }
      all.phases.push_back(std::move(phase));
    }
  all.height = all.top + last_row + 1;
  all.width = all.left + last_column + 1;
  for (Phase2d& phase : all.phases)
    for (size_t i = 0; i < phase.taps.size(); ++i) {
      phase.row[i] += all.top;
      phase.column[i] += all.left;
    }
  return all;
}

TapRuns merge_taps(const std::vector<int32_t>& offset, int words) {
  size_t run = 1;
  while (run < offset.size() && offset[run] == offset[run - 1] + words * 4) ++run;
  bool regular = run > 1 && offset.size() % run == 0;
  for (size_t i = 0; regular && i < offset.size(); ++i) regular = i % run == 0 || offset[i] == offset[i - 1] + words * 4;
  if (!regular) return {offset, words};
  TapRuns merged{{}, words * int(run)};
  for (size_t i = 0; i < offset.size(); i += run) merged.offset.push_back(offset[i]);
  return merged;
}

}  // namespace subbyte
