// Batches of augmented images, prepared by a background thread while the network trains.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"

namespace subbyte {

struct Augmentation {
  int crop_pad = 0;    ///< zero padding on all sides before a random crop of the original size
  bool flip = false;   ///< horizontal, with probability 1/2
  int cutout = 0;      ///< side of a square set to zero around a random centre; 0: none
};

struct LoadedBatch {
  int count = 0;
  std::vector<uint8_t> pixels;   ///< [count][h][w][c]
  std::vector<int32_t> labels;   ///< [count]
};

/// Order and augmentation depend on (seed, epoch, index) alone, never on time or threads.
class TrainLoader {
 public:
  /// Full batches only: size() / batch of them an epoch. Throws UsageError for batch < 1 or batch > size().
  TrainLoader(std::shared_ptr<const Dataset> data, int batch, Augmentation augmentation, uint64_t seed);
  ~TrainLoader();
  int64_t batches_per_epoch() const;
  /// Bytes that it holds once it runs.
  static int64_t memory(const Dataset& data, int batch);
  /// Batch `index` of `epoch`, both from 0. Prepares the following batches in the background.
  /// Errors of the background thread are thrown here.
  const LoadedBatch& get(int64_t epoch, int64_t index);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace subbyte
