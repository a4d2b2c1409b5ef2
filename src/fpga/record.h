// The products of a training step's layers, as they really happened.
#pragma once
#include <string>
#include <vector>

#include "fpga/product.h"
#include "nn/network.h"

namespace subbyte {

struct LayerProducts {
  std::string layer;
  int sample_shift = 0;     ///< m_i of the image: its backward-weights sums count 2^-m_i
  std::vector<ArrayProduct> products;  ///< forward, backward-data (several of a stride, none of the first layer), -weights
};

/// Layers whose products the array computes, in the model's order: all but depthwise convolutions.
std::vector<std::string> array_layers(const ModelSpec&);

/// Runs one training step of an integer network and keeps what image `image` of the batch took part in, for `layers` in the
/// model's order. Every sum of the kernels was compared with the specification's. Throws Error where one differs, or the
/// step fails.
std::vector<LayerProducts> record_products(Network&, const Batch&, uint64_t step, int image,
                                           const std::vector<std::string>& layers);

}  // namespace subbyte
