#include "data/loader.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/philox.h"
#include "data/augment.h"

namespace subbyte {
namespace {

constexpr size_t batches_ahead = 2;

/// Fisher-Yates with unbiased indices: words that would favour small ones are drawn again.
void shuffle(std::vector<int64_t>& order, int64_t count, uint64_t seed, uint32_t epoch) {
  order.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) order[i] = i;
  for (int64_t i = count - 1; i > 0; --i) {
    const uint64_t range = uint64_t(i) + 1, limit = (uint64_t{1} << 32) / range * range;
    uint64_t word = limit;
    for (uint32_t attempt = 0; word >= limit; ++attempt)
      for (const uint32_t w : random_words(seed, RandomUse::shuffle, epoch, attempt, uint32_t(i)))
        if (w < limit) {
          word = w;
          break;
        }
    std::swap(order[i], order[word % range]);
  }
}

}  // namespace

struct TrainLoader::Impl {
  std::shared_ptr<const Dataset> data;
  int batch;
  Augmentation augmentation;
  uint64_t seed;
  int64_t batches;

  struct Slot {
    int64_t epoch, index;
    LoadedBatch batch;
    std::exception_ptr error;
  };
  std::mutex mutex;
  std::condition_variable wanted, ready;
  std::deque<Slot> queue;        // consecutive batches
  int64_t epoch = -1, index = 0; // the next one to prepare; epoch -1: nothing asked for yet
  uint64_t generation = 0;       // grows when a reader jumps: what was in preparation is dropped
  bool stop = false;
  LoadedBatch current, used;     // what the reader has; memory for a batch to come, its pixels in place
  std::vector<int64_t> order;    // of order_epoch; the thread's own
  int64_t order_epoch = -1;
  std::vector<uint8_t> raw;      // the thread's own
  std::thread thread;

  void prepare(int64_t e, int64_t i, LoadedBatch& out) {
    if (order_epoch != e) {
      shuffle(order, data->size(), seed, uint32_t(e));
      order_epoch = e;
    }
    const int h = data->height(), w = data->width(), c = data->channels();
    const size_t image = size_t(h) * w * c;
    raw.resize(image);
    out.count = batch;
    out.pixels.resize(image * batch);
    out.labels.resize(size_t(batch));
    for (int b = 0; b < batch; ++b) {
      const int64_t record = order[size_t(i) * batch + b];
      data->read(record, raw.data());
      out.labels[b] = data->label(record);
      const auto words = random_words(seed, RandomUse::augment, uint32_t(e), 0, uint32_t(record));
      augment(augmentation, draw_augmentation(augmentation, h, w, words), h, w, c, raw.data(), out.pixels.data() + image * b);
    }
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      wanted.wait(lock, [&] { return stop || (epoch >= 0 && queue.size() < batches_ahead); });
      if (stop) return;
      Slot slot{epoch, index, std::exchange(used, {}), nullptr};
      const uint64_t mine = generation;
      lock.unlock();
      try {
        prepare(slot.epoch, slot.index, slot.batch);
      } catch (...) {
        slot.error = std::current_exception();
      }
      lock.lock();
      if (mine != generation) continue;
      if (++index == batches) index = 0, ++epoch;
      queue.push_back(std::move(slot));
      ready.notify_one();
    }
  }
};

TrainLoader::TrainLoader(std::shared_ptr<const Dataset> data, int batch, Augmentation augmentation, uint64_t seed)
    : impl_(std::make_unique<Impl>()) {
  if (batch < 1) throw UsageError("batch size: found " + std::to_string(batch) + ", expected 1 or more");
  if (batch > data->size())
    throw UsageError("batch size: found " + std::to_string(batch) + ", expected at most the " + std::to_string(data->size()) +
                     " training records");
  impl_->batches = data->size() / batch;
  impl_->data = std::move(data);
  impl_->batch = batch;
  impl_->augmentation = augmentation;
  impl_->seed = seed;
  impl_->thread = std::thread([impl = impl_.get()] { impl->work(); });
}

TrainLoader::~TrainLoader() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wanted.notify_all();
  impl_->thread.join();
}

int64_t TrainLoader::memory(const Dataset& data, int batch) {
  const int64_t image = int64_t(data.height()) * data.width() * data.channels();
  constexpr int64_t batches = int64_t(batches_ahead) + 2;  // the reader's, and one whose memory is used next
  return batches * batch * (image + int64_t(sizeof(int32_t))) + data.size() * int64_t(sizeof(int64_t)) + image;
}

int64_t TrainLoader::batches_per_epoch() const { return impl_->batches; }

const LoadedBatch& TrainLoader::get(int64_t epoch, int64_t index) {
  if (epoch < 0 || index < 0 || index >= impl_->batches)
    throw UsageError("batch " + std::to_string(index) + " of epoch " + std::to_string(epoch) + ": expected 0.." +
                     std::to_string(impl_->batches - 1));
  std::unique_lock lock(impl_->mutex);
  auto& queue = impl_->queue;
  const bool next = queue.empty() ? impl_->epoch == epoch && impl_->index == index
                                  : queue.front().epoch == epoch && queue.front().index == index;
  if (!next) {
    queue.clear();
    impl_->epoch = epoch;
    impl_->index = index;
    ++impl_->generation;
    impl_->wanted.notify_one();
  }
  impl_->ready.wait(lock, [&] { return !queue.empty(); });
  Impl::Slot slot = std::move(queue.front());
  queue.pop_front();
  if (!slot.error) {
    impl_->used = std::move(impl_->current);
    impl_->current = std::move(slot.batch);
  }
  impl_->wanted.notify_one();
  lock.unlock();
  if (slot.error) std::rethrow_exception(slot.error);
  return impl_->current;
}

}  // namespace subbyte
