// Which memory every tensor of a model lives in. Tensors whose lifetimes do not overlap share it.
#pragma once
#include "nn/float/op.h"

namespace subbyte::twin {

struct Layout {
  std::vector<OpTensors> tensors;               ///< per node; dy is null where no gradient is needed
  std::vector<std::vector<const void*>> extra;  ///< per node: more gradients, to be added to dy before its backward
  std::vector<Arena::Handle> kept;              ///< keeps the tensors that live as long as the plan
};

Layout lay_out(const ModelSpec& model, ElementType type, int count, bool training, Arena& arena);

}  // namespace subbyte::twin
