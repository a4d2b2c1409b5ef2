#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace subbyte {
namespace {

TEST(ThreadPool, PartitionIsContiguousCompleteAndStatic) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    for (int items : {0, 1, 2, 5, 64, 1001}) {
      std::vector<int> begins(threads, -1), ends(threads, -1), calls(threads, 0);
      for (int repeat = 0; repeat < 3; ++repeat) {
        pool.run(items, [&](int t, int begin, int end) {
          if (repeat > 0) {
            EXPECT_EQ(begins[t], begin);
            EXPECT_EQ(ends[t], end);
          }
          begins[t] = begin;
          ends[t] = end;
          ++calls[t];
        });
      }
      EXPECT_EQ(begins[0], 0);
      EXPECT_EQ(ends[threads - 1], items);
      for (int t = 0; t < threads; ++t) {
        EXPECT_EQ(calls[t], 3);
        if (t > 0) {
          EXPECT_EQ(begins[t], ends[t - 1]);
        }
        EXPECT_NEAR(ends[t] - begins[t], double(items) / threads, 1.0);
      }
    }
  }
}

TEST(ThreadPool, ManyShortRunsSeeEachOthersWrites) {
  ThreadPool pool(3);
  std::vector<int64_t> values(300, 0);
  for (int round = 0; round < 20000; ++round) {
    // Every thread reads what another one wrote in the round before.
    std::vector<int64_t> next(values.size());
    pool.run(int(values.size()), [&](int, int begin, int end) {
      for (int i = begin; i < end; ++i) next[i] = values[(i + 100) % values.size()] + 1;
    });
    values.swap(next);
  }
  for (int64_t value : values) ASSERT_EQ(value, 20000);
}

TEST(ThreadPool, SleepingWorkersWakeUp) {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> sum{0};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than the spinning
    pool.run(10, [&](int, int begin, int end) {
      if (begin > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      sum += end - begin;
    });
    EXPECT_EQ(sum, 10);
  }
}

TEST(ThreadPool, LowestThreadsExceptionIsThrownAfterAllFinished) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> finished{0};
    std::string caught;
    try {
      pool.run(4, [&](int t, int, int) {
        ++finished;
        if (t != 1) throw std::runtime_error("thread " + std::to_string(t));
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    EXPECT_EQ(caught, "thread 0");
    EXPECT_EQ(finished, 4);
    EXPECT_NO_THROW(pool.run(4, [](int, int, int) {}));
  }
  EXPECT_THROW(pool.run(4, [](int t, int, int) { if (t == 3) throw Error("x"); }), Error);
}

TEST(ThreadPool, RejectsLessThanOneThread) { EXPECT_THROW(ThreadPool(0), UsageError); }

TEST(Processors, AtLeastOneAndAtMostTheMachine) {
  EXPECT_GE(available_processors(), 1);
  EXPECT_LE(available_processors(), int(std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace subbyte
