#include "nn/profile.h"

namespace subbyte {

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::input: return "input";
    case Phase::weights: return "weights";
    case Phase::forward: return "forward";
    case Phase::deviation: return "deviation";
    case Phase::normalize: return "normalize";
    case Phase::quantize: return "quantize";
    case Phase::pool: return "pool";
    case Phase::loss: return "loss";
    case Phase::reduce: return "reduce";
    case Phase::norm_backward: return "norm-backward";
    case Phase::gradient_codes: return "gradient-codes";
    case Phase::backward_data: return "backward-data";
    case Phase::backward_weights: return "backward-weights";
    case Phase::update: return "update";
    case Phase::count: break;
  }
  return "?";
}

Profile::Cell Profile::total(int node, Phase phase) const {
  Cell sum;
  const size_t threads = cells_.size() / (size_t(nodes_) * int(Phase::count));
  for (size_t t = 0; t < threads; ++t) {
    const Cell& cell = cells_[(t * nodes_ + node) * int(Phase::count) + int(phase)];
    sum.seconds += cell.seconds;
    sum.macs += cell.macs;
    sum.bytes += cell.bytes;
  }
  return sum;
}

}  // namespace subbyte
