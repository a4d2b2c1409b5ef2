// Multiply-accumulates of the mathematical operation: what a model asks for, whatever an executor pads or repeats.
// Taps on zero padding count, as is usual (ResNet-20: 40.6 M an image without its projections).
#pragma once
#include <cstdint>

#include "nn/spec.h"

namespace subbyte {

struct Macs {
  int64_t forward = 0, backward_data = 0, backward_weights = 0;
  int64_t total() const { return forward + backward_data + backward_weights; }
};

/// Of one image at one node; all 0 where it is no product. A product that reads the input needs no backward-data.
Macs node_macs(const ModelSpec& model, int node);

/// Of one image in a whole training step.
Macs model_macs(const ModelSpec& model);

}  // namespace subbyte
