#include "cli/sources.h"

#include <algorithm>

namespace subbyte {

Batch LoaderSource::get(int64_t epoch, int64_t index) {
  const LoadedBatch& loaded = loader_.get(epoch, index);
  return {loaded.count, loaded.pixels.data(), loaded.labels.data()};
}

int64_t DatasetSource::memory(const Dataset& data, int64_t batch) {
  const int64_t image = int64_t(data.height()) * data.width() * data.channels();
  return std::min(batch, data.size()) * (image + int64_t(sizeof(int32_t)));
}

Batch DatasetSource::get(int64_t begin, int count) {
  const size_t image = size_t(data_->height()) * data_->width() * data_->channels();
  pixels_.resize(image * count);
  labels_.resize(count);
  for (int i = 0; i < count; ++i) {
    data_->read(begin + i, pixels_.data() + image * i);
    labels_[i] = data_->label(begin + i);
  }
  return {count, pixels_.data(), labels_.data()};
}

}  // namespace subbyte
