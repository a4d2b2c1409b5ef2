// A data set held in memory as bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"

namespace subbyte {

/// Images of one size and their labels. `pixels` is [labels.size()][height][width][channels].
struct LabelledImages {
  int height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
};

std::shared_ptr<const Dataset> make_memory_dataset(LabelledImages images);
/// Parts one behind the other, all of one size of images; they stay where they are.
std::shared_ptr<const Dataset> join_memory_dataset(std::vector<LabelledImages> parts);

}  // namespace subbyte
