#include "data/memory_dataset.h"

#include <cstddef>
#include <cstring>
#include <utility>

namespace subbyte {
namespace {

class MemoryDataset : public Dataset {
 public:
  explicit MemoryDataset(LabelledImages images)
      : images_(std::move(images)), stride_(size_t(images_.height) * images_.width * images_.channels) {}
  int64_t size() const override { return int64_t(images_.labels.size()); }
  int height() const override { return images_.height; }
  int width() const override { return images_.width; }
  int channels() const override { return images_.channels; }
  int32_t label(int64_t index) const override { return images_.labels[size_t(index)]; }
  void read(int64_t index, uint8_t* pixels) const override {
    std::memcpy(pixels, images_.pixels.data() + size_t(index) * stride_, stride_);
  }

 private:
  LabelledImages images_;
  size_t stride_;
};

}  // namespace

std::shared_ptr<const Dataset> make_memory_dataset(LabelledImages images) {
  return std::make_shared<MemoryDataset>(std::move(images));
}

}  // namespace subbyte
