// The right shift by which a product's sums become a stream, kept from batch to batch.
#pragma once
#include <algorithm>

#include "nn/integer/context.h"

namespace subbyte {

/// State "<node>.shifts" [4]: the shift t of the forward and of the input-gradient sums, and the bits of an operand product
/// for which each was found. Training corrects t where sums would saturate; evaluation takes it as it is, so that an image's
/// result does not depend on its batch. A network with other widths or groups than the run's has sums in other units:
/// t moves with the bits.
class RightShift {
 public:
  enum Sums { forward, input_gradient };
  /// `start`: t before the first step.
  RightShift(Context& ctx, const std::string& node, int32_t start) : state_(ctx.add_state(node + ".shifts", {4})) {
    state_->ints = {start, start, 0, 0};
  }
  bool unknown(Sums of) const { return state_->ints[of] < 0; }
  int at(Sums of, int operand_bits) const {
    const int64_t t = state_->ints[of], found_at = state_->ints[2 + of];
    return int(std::clamp<int64_t>(found_at == 0 ? t : t + operand_bits - found_at, 0, 30));  // whatever a file holds
  }
  void set(Sums of, int32_t t, int operand_bits) {
    state_->ints[of] = t;
    state_->ints[2 + of] = operand_bits;
  }

 private:
  State* state_;
};

}  // namespace subbyte
