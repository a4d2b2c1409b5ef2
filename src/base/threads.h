// A fixed pool of threads. run() has a static partition: thread i always owns the same range of items. share() starts from
// it, so that caches stay warm, and balances what is left. Sums are integers: equal for any partition.
#pragma once
#include <functional>
#include <memory>

namespace subbyte {

class ThreadPool {
 public:
  /// `threads` >= 1; the calling thread is one of them.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;
  /// Where the range of `thread` begins in a partition of `items`; the one of size() is the end.
  int begin_of(int thread, int items) const;

  /// Calls body(thread, begin, end) once per thread over a static partition of [0, items); returns when all are done.
  /// An exception of a body is thrown here, after all threads have finished (the lowest thread's, if several).
  void run(int items, const std::function<void(int thread, int begin, int end)>& body);

  /// Calls body several times a thread, on ranges that together are [0, items): every thread works through its static part
  /// in shrinking pieces and, when done, takes from another's end. For bodies whose result does not depend on who runs them.
  /// Pieces have at least `least` items, and towards the end of a part a quarter of that.
  void share(int items, const std::function<void(int thread, int begin, int end)>& body, int least = 1);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Processors that this process may use (affinity and cgroup quota respected), at least 1.
int available_processors();

}  // namespace subbyte
