// From a layer's tensors to the matrices of its three products, one image of the batch.
#pragma once
#include <vector>

#include "fpga/product.h"
#include "nn/observer.h"

namespace subbyte {

/// m: output pixels, n: output channels, k: kernel taps x input channels.
ArrayProduct lower_forward(const ForwardView&, int image);

/// m: input pixels, n: input channels, k: taps x output channels. A stride gives one product for each phase of the input
/// pixels that a tap meets (nn/integer/phases.h); the input gradient of other pixels is zero.
std::vector<ArrayProduct> lower_backward_data(const BackwardView&, int image);

/// m: taps x input channels, n: output channels, k: output pixels. The sample's shift is left to whoever adds images up.
ArrayProduct lower_backward_weights(const BackwardView&, int image);

}  // namespace subbyte
