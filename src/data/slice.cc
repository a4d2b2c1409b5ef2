#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "data/dataset.h"

namespace subbyte {
namespace {

class Slice : public Dataset {
 public:
  Slice(std::shared_ptr<const Dataset> data, int64_t begin, int64_t end)
      : data_(std::move(data)), begin_(begin), size_(end - begin) {}
  int64_t size() const override { return size_; }
  int height() const override { return data_->height(); }
  int width() const override { return data_->width(); }
  int channels() const override { return data_->channels(); }
  int32_t label(int64_t index) const override { return data_->label(begin_ + index); }
  void read(int64_t index, uint8_t* pixels) const override { data_->read(begin_ + index, pixels); }

 private:
  std::shared_ptr<const Dataset> data_;
  int64_t begin_, size_;
};

}  // namespace

std::shared_ptr<const Dataset> slice(std::shared_ptr<const Dataset> data, int64_t begin, int64_t end) {
  if (begin < 0 || begin > end || end > data->size())
    throw UsageError(fmt::format("records: found {} to {}, expected a range within 0 to {}", begin, end, data->size()));
  if (begin == 0 && end == data->size()) return data;
  return std::make_shared<Slice>(std::move(data), begin, end);
}

}  // namespace subbyte
