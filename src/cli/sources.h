// Data sets as the trainer's sources of batches.
#pragma once
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "train/trainer.h"

namespace subbyte {

class LoaderSource : public TrainSource {
 public:
  explicit LoaderSource(TrainLoader& loader) : loader_(loader) {}
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  Batch get(int64_t epoch, int64_t index) override;

 private:
  TrainLoader& loader_;
};

class DatasetSource : public EvalSource {
 public:
  explicit DatasetSource(std::shared_ptr<const Dataset> data) : data_(std::move(data)) {}
  int64_t size() const override { return data_ ? data_->size() : 0; }
  Batch get(int64_t begin, int count) override;
  /// Bytes that batches of up to `batch` records take.
  static int64_t memory(const Dataset& data, int64_t batch);

 private:
  std::shared_ptr<const Dataset> data_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
};

}  // namespace subbyte
