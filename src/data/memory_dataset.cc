#include "data/memory_dataset.h"

#include <cstddef>
#include <cstring>
#include <utility>

namespace subbyte {
namespace {

class MemoryDataset : public Dataset {
 public:
  explicit MemoryDataset(std::vector<LabelledImages> parts) : parts_(std::move(parts)) {
    for (const LabelledImages& part : parts_) ends_.push_back(size() + int64_t(part.labels.size()));
    stride_ = size_t(height()) * width() * channels();
  }
  int64_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
  int height() const override { return parts_[0].height; }
  int width() const override { return parts_[0].width; }
  int channels() const override { return parts_[0].channels; }
  int32_t label(int64_t index) const override {
    const auto [part, at] = find(index);
    return part.labels[at];
  }
  void read(int64_t index, uint8_t* pixels) const override {
    const auto [part, at] = find(index);
    std::memcpy(pixels, part.pixels.data() + at * stride_, stride_);
  }

 private:
  struct Place {
    const LabelledImages& part;
    size_t at;
  };
  Place find(int64_t index) const {
    size_t part = 0;
    while (index >= ends_[part]) ++part;
    return {parts_[part], size_t(part > 0 ? index - ends_[part - 1] : index)};
  }

  std::vector<LabelledImages> parts_;
  std::vector<int64_t> ends_;  // records up to and with each part
  size_t stride_ = 0;
};

}  // namespace

std::shared_ptr<const Dataset> make_memory_dataset(LabelledImages images) {
  std::vector<LabelledImages> parts;
  parts.push_back(std::move(images));
  return join_memory_dataset(std::move(parts));
}

std::shared_ptr<const Dataset> join_memory_dataset(std::vector<LabelledImages> parts) {
  return std::make_shared<MemoryDataset>(std::move(parts));
}

}  // namespace subbyte
