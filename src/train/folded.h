// The network as it would be deployed, its normalizations folded (Network::set_folded), against itself.
#pragma once
#include "train/trainer.h"

namespace subbyte {

struct FoldedComparison {
  EvalResult folded, unfolded;
  int64_t same = 0;  ///< records with the same prediction, the first of the largest logits
};

/// Evaluates all records both ways, `batch` at a time; `network` is folded afterwards.
/// Throws Error where it has nothing to fold.
FoldedComparison compare_folded(Network& network, EvalSource& source, int batch);

}  // namespace subbyte
