#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace subbyte {
namespace {

using Kind = ScheduleConfig::Kind;
constexpr double kPi = 3.14159265358979323846;

ScheduleConfig make(Kind kind, double lr, double warmup) {
  ScheduleConfig config;
  config.kind = kind;
  config.lr = lr;
  config.warmup = warmup;
  return config;
}

TEST(Schedule, Constant) {
  for (int64_t step : {0, 1, 99, 1000}) EXPECT_EQ(learning_rate(make(Kind::constant, 0.1, 0), step, 100), 0.1);
}

TEST(Schedule, LinearWarmUp) {
  for (Kind kind : {Kind::constant, Kind::step, Kind::cosine}) {
    const ScheduleConfig config = make(kind, 0.4, 0.1);
    for (int64_t step = 0; step < 10; ++step)
      EXPECT_DOUBLE_EQ(learning_rate(config, step, 100), 0.4 * double(step + 1) / 10);
    EXPECT_DOUBLE_EQ(learning_rate(config, 10, 100), 0.4);
  }
}

TEST(Schedule, StepDropsAtFractionsOfTheRun) {
  ScheduleConfig config = make(Kind::step, 1.0, 0);
  config.milestones = {0.5, 0.75};
  config.gamma = 0.1;
  EXPECT_EQ(learning_rate(config, 99, 200), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 100, 200), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 149, 200), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 150, 200), 0.01);
}

TEST(Schedule, CosineFallsToZero) {
  const ScheduleConfig config = make(Kind::cosine, 0.2, 0.2);
  for (int64_t step = 20; step < 100; ++step)
    EXPECT_NEAR(learning_rate(config, step, 100), 0.1 * (1 + std::cos(kPi * double(step - 20) / 80)), 1e-14);
  EXPECT_LT(learning_rate(config, 99, 100), 1e-4);
}

TEST(Schedule, OneCycleIsPyTorchs) {
  // From the definition of torch.optim.lr_scheduler.OneCycleLR(max_lr=0.4, total_steps=100, pct_start=0.3):
  // the peak is at step 29, the end at step 99.
  const ScheduleConfig config = make(Kind::onecycle, 0.4, 0.3);
  EXPECT_NEAR(learning_rate(config, 0, 100), 0.016, 1e-15);
  EXPECT_NEAR(learning_rate(config, 29, 100), 0.4, 1e-15);
  EXPECT_NEAR(learning_rate(config, 99, 100), 0.4 / 25 / 1e4, 1e-15);
  for (int64_t step = 0; step < 100; ++step) {
    const double low = step < 29 ? 0.4 / 25 : 0.4 / 25 / 1e4;
    const double phase = step < 29 ? double(step) / 29 : 1 - double(step - 29) / 70;
    EXPECT_NEAR(learning_rate(config, step, 100), low + (0.4 - low) * (1 - std::cos(kPi * phase)) / 2, 1e-14) << step;
  }
}

TEST(Schedule, ShortRunsAreFinite) {
  for (Kind kind : {Kind::constant, Kind::step, Kind::cosine, Kind::onecycle})
    for (int64_t total : {1, 2, 3, 4})
      for (int64_t step = 0; step < total + 2; ++step) {
        const double rate = learning_rate(make(kind, 0.1, 0.3), step, total);
        EXPECT_TRUE(std::isfinite(rate) && rate >= 0 && rate <= 0.1 + 1e-15) << rate;
      }
}

TEST(Schedule, Names) {
  EXPECT_EQ(parse_schedule("cosine"), Kind::cosine);
  EXPECT_EQ(parse_schedule("onecycle"), Kind::onecycle);
  try {
    parse_schedule("cosin");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'cosine'?"), std::string::npos);
  }
}

}  // namespace
}  // namespace subbyte
