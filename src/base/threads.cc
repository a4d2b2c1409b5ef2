#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace subbyte {
namespace {

// A kernel of a training step runs for 10 to 1000 us, so the gap to the next one is usually shorter than waking a
// sleeping thread takes (about 50 us): waiting threads spin that long before they sleep.
constexpr int kSpins = 4000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// What is left of a thread's part, begin and end in one word: the owner takes from the front, others from the back.
class alignas(64) Part {
 public:
  void set(int begin, int end) { word_.store(pack(begin, end), std::memory_order_relaxed); }
  /// A piece of a quarter, at least `least` and near the end a quarter of that; false where nothing is left.
  bool take(bool front, int least, int& begin, int& end) {
    uint64_t word = word_.load(std::memory_order_relaxed);
    while (true) {
      const int first = int(word >> 32), last = int(word & 0xFFFFFFFFu), left = last - first;
      if (left <= 0) return false;
      const int small = (least + 3) / 4;  // near the end
      const int piece = std::min(left, left > 2 * least ? std::max(least, left / 4) : std::max(small, left / 2));
      const uint64_t rest = front ? pack(first + piece, last) : pack(first, last - piece);
      if (!word_.compare_exchange_weak(word, rest, std::memory_order_relaxed)) continue;
      begin = front ? first : last - piece;
      end = begin + piece;
      return true;
    }
  }

 private:
  static uint64_t pack(int begin, int end) { return uint64_t(uint32_t(begin)) << 32 | uint32_t(end); }
  std::atomic<uint64_t> word_{0};
};

/// Returns when `value` is no longer `old`.
void wait_while(const std::atomic<int>& value, int old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

struct ThreadPool::Impl {
  using Body = std::function<void(int, int, int)>;

  int threads = 1;
  int spins = 0;
  std::vector<std::thread> workers;
  std::vector<std::exception_ptr> errors;
  std::vector<Part> parts;  // of share()

  // The job is written before `round` changes and read after it: the release and acquire of `round` order both.
  const Body* body = nullptr;
  int items = 0;
  bool stop = false;
  alignas(64) std::atomic<int> round{0};
  alignas(64) std::atomic<int> running{0};

  int begin_of(int thread) const { return static_cast<int>(int64_t{items} * thread / threads); }

  void run_part(int thread) {
    try {
      (*body)(thread, begin_of(thread), begin_of(thread + 1));
    } catch (...) {
      errors[thread] = std::current_exception();
    }
  }

  void work(int thread) {
    for (int seen = 0;;) {
      wait_while(round, seen, spins);
      seen = round.load(std::memory_order_acquire);
      if (stop) return;
      run_part(thread);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_one();
    }
  }

  void start_round() {
    round.fetch_add(1, std::memory_order_release);
    round.notify_all();
  }

  void stop_all() {
    stop = true;
    start_round();
    for (std::thread& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  if (threads < 1) throw UsageError("threads: found " + std::to_string(threads) + ", expected 1 or more");
  impl_->threads = threads;
  // With fewer processors than threads a spinning thread would keep a working one off its processor.
  impl_->spins = threads <= available_processors() ? kSpins : 0;
  impl_->errors.resize(threads);
  impl_->parts = std::vector<Part>(threads);
  try {
    for (int t = 1; t < threads; ++t) impl_->workers.emplace_back([impl = impl_.get(), t] { impl->work(t); });
  } catch (...) {
    impl_->stop_all();
    throw Error("threads: the system does not start " + std::to_string(threads) + " threads");
  }
}

ThreadPool::~ThreadPool() { impl_->stop_all(); }

int ThreadPool::size() const { return impl_->threads; }

int ThreadPool::begin_of(int thread, int items) const { return static_cast<int>(int64_t{items} * thread / impl_->threads); }

void ThreadPool::run(int items, const std::function<void(int, int, int)>& body) {
  if (impl_->threads == 1) {
    body(0, 0, items);
    return;
  }
  impl_->body = &body;
  impl_->items = items;
  impl_->running.store(impl_->threads - 1, std::memory_order_relaxed);
  impl_->start_round();
  impl_->run_part(0);
  for (int left; (left = impl_->running.load(std::memory_order_acquire)) != 0;)
    wait_while(impl_->running, left, impl_->spins);

  std::exception_ptr first;
  for (std::exception_ptr& error : impl_->errors) {
    if (error && !first) first = error;
    error = nullptr;
  }
  if (first) std::rethrow_exception(first);
}

void ThreadPool::share(int items, const std::function<void(int, int, int)>& body, int least) {
  const int threads = impl_->threads;
  if (threads == 1) return run(items, body);
  // The parts are written before run() starts its round, and are read inside it.
  for (int t = 0; t < threads; ++t) impl_->parts[t].set(begin_of(t, items), begin_of(t + 1, items));
  run(threads, [&](int thread, int, int) {
    int begin = 0, end = 0;
    while (impl_->parts[thread].take(true, least, begin, end)) body(thread, begin, end);
    for (int other = 1; other < threads; ++other)
      while (impl_->parts[(thread + other) % threads].take(false, least, begin, end)) body(thread, begin, end);
  });
}

}  // namespace subbyte
