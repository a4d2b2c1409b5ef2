// ThreadPool::share: every item once, pieces inside the static parts, work of a slow thread done by the others.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/threads.h"

namespace subbyte {
namespace {

struct Piece {
  int thread, begin, end;
};

std::vector<Piece> pieces_of(ThreadPool& pool, int items, int least) {
  std::mutex mutex;
  std::vector<Piece> pieces;
  pool.share(items, [&](int thread, int begin, int end) {
    const std::lock_guard lock(mutex);
    pieces.push_back({thread, begin, end});
  }, least);
  return pieces;
}

/// False where `done` does not come within a time in which any scheduler would have run every thread.
template <class Done>
bool wait_for(Done done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Share, EveryItemRunsOnceInPiecesOfItsPart) {
  for (const int threads : {2, 3, 7}) {
    ThreadPool pool(threads);
    for (const int items : {0, 1, 2, 3, 5, 6, 7, 8, 20, 64, 65, 1001, 4096})
      for (const int least : {1, 2, 3, 16, 5000})
        for (int repeat = 0; repeat < 10; ++repeat) {
          std::vector<int> count(items, 0), small(threads, 0), rest(threads, 0);
          for (const Piece& p : pieces_of(pool, items, least)) {
            ASSERT_TRUE(p.thread >= 0 && p.thread < threads && p.begin >= 0 && p.begin < p.end && p.end <= items);
            for (int i = p.begin; i < p.end; ++i) ++count[i];
            int part = 0;
            while (pool.begin_of(part + 1, items) <= p.begin) ++part;
            ASSERT_LE(p.end, pool.begin_of(part + 1, items));
            const int size = p.end - p.begin;
            small[part] += size < least ? size : 0;
            rest[part] += size < (least + 3) / 4;
          }
          ASSERT_EQ(count, std::vector<int>(items, 1)) << threads << " threads, least " << least;
          for (int t = 0; t < threads; ++t) {
            ASSERT_LE(small[t], 2 * least) << threads << " threads, " << items << " items, least " << least;  // the end's
            ASSERT_LE(rest[t], 1) << threads << " threads, " << items << " items, least " << least;
          }
        }
  }
}

TEST(Share, OneThreadTakesAllAtOnce) {
  ThreadPool pool(1);
  for (const int items : {1, 7, 1000}) {
    const std::vector<Piece> pieces = pieces_of(pool, items, 1);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(pieces[0].thread, 0);
    EXPECT_EQ(pieces[0].begin, 0);
    EXPECT_EQ(pieces[0].end, items);
  }
}

/// What is in a thread's caches from the pass before is its part.
TEST(Share, EveryThreadStartsWithAQuarterOfItsPart) {
  constexpr int threads = 3, items = 240;
  ThreadPool pool(threads);
  for (const int least : {1, 30}) {
    std::atomic<int> started{0};
    std::vector<Piece> first(threads, {-1, 0, 0});
    pool.share(items, [&](int thread, int begin, int end) {
      if (first[thread].thread >= 0) return;
      first[thread] = {thread, begin, end};
      ++started;
      EXPECT_TRUE(wait_for([&] { return started == threads; }));  // so that none takes from one that is late
    }, least);
    for (int t = 0; t < threads; ++t) {
      EXPECT_EQ(first[t].begin, pool.begin_of(t, items));
      EXPECT_EQ(first[t].end - first[t].begin, least == 1 ? 20 : 30);
    }
  }
}

/// The slow thread's first piece ends after all the rest: without balance that would never be.
TEST(Share, WhatASlowThreadLeavesIsDoneByTheOthers) {
  constexpr int items = 400;
  for (const int threads : {2, 3, 4})
    for (int slow = 0; slow < threads; ++slow) {
      ThreadPool pool(threads);
      std::atomic<int> finished{0};
      std::atomic<bool> slow_started{false};
      std::vector<int> by_thread(threads, 0);
      pool.share(items, [&](int thread, int begin, int end) {
        const int count = end - begin;
        if (thread == slow && !slow_started.exchange(true)) {
          EXPECT_TRUE(wait_for([&] { return finished == items - count; })) << threads << " threads, slow " << slow;
        } else if (!slow_started) {
          EXPECT_TRUE(wait_for([&] { return slow_started.load(); }));  // it has its first piece
        }
        by_thread[thread] += count;
        finished += count;
      });
      if (HasFailure()) return;
      EXPECT_EQ(finished, items);
      EXPECT_EQ(by_thread[slow], items / threads / 4) << threads << " threads";  // its first piece alone
    }
}

TEST(Share, AThreadsExceptionIsThrownAfterTheOthersDidTheRest) {
  constexpr int threads = 4, items = 101;
  ThreadPool pool(threads);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::atomic<int>> count(items);
    std::atomic<int> thrown{0};
    std::string caught;
    try {
      pool.share(items, [&](int thread, int begin, int end) {
        for (int i = begin; i < end; ++i) ++count[i];
        if (thread == 1 || thread == 2) {
          ++thrown;
          throw std::runtime_error("thread " + std::to_string(thread));
        }
        EXPECT_TRUE(wait_for([&] { return thrown == 2; }));
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    EXPECT_EQ(caught, "thread 1");  // the lowest
    for (const auto& c : count) EXPECT_EQ(c, 1);
    std::vector<int> again(items, 0);
    for (const Piece& p : pieces_of(pool, items, 1))
      for (int i = p.begin; i < p.end; ++i) ++again[i];
    EXPECT_EQ(again, std::vector<int>(items, 1));  // nothing is left of the rounds that ended early
  }
}

/// Passes of a training step follow each other without a pause, some shared and some not.
TEST(Share, SeesWhatRunWroteAndTheOtherWayAround) {
  constexpr int items = 300, rounds = 3000;
  for (const int threads : {2, 3}) {
    ThreadPool pool(threads);
    std::vector<int> a(items, 0), b(items, 0);
    for (int round = 0; round < rounds; ++round) {
      pool.run(items, [&](int, int begin, int end) {
        for (int i = begin; i < end; ++i) b[i] = a[(i + 101) % items] + 1;
      });
      pool.share(items, [&](int, int begin, int end) {
        for (int i = begin; i < end; ++i) a[i] = b[(i + 53) % items] + 1;
      }, 1 + round % 5);
    }
    EXPECT_EQ(a, std::vector<int>(items, 2 * rounds));
  }
}

}  // namespace
}  // namespace subbyte
