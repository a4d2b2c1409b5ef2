// Permute-group-multiply: what ShiftQuant's shifts replace. Channels are gathered by their group into operands of their
// own, each group has its product, and the results are scaled and added. Forward only.
#pragma once
#include "cli/bench/measure.h"
#include "cli/bench/product_rig.h"

namespace subbyte::bench {

struct PermuteTimes {
  Timing gather, products, add;
  double seconds() const { return gather.median + products.median + add.median; }
};

inline constexpr int permute_groups = 4;

/// With equal groups of channels (a multiple of them), on the layers that Subbyte itself uses, one group each; checked
/// first. The packed codes of the groups are there before: gathering is timed as one pass over unpacked bytes.
PermuteTimes time_permute(const ProductCase& product, int images, int threads, int runs, double seconds);

}  // namespace subbyte::bench
