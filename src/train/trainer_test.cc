#include "train/trainer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "train/test_network.h"

namespace subbyte {
namespace {

namespace fs = std::filesystem;

class TrainerTest : public testing::Test {
 protected:
  static constexpr int kRecords = 60, kBatch = 6, kSteps = 10;

  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "subbyte-trainer-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  TrainerConfig config(const std::string& run) {
    fs::create_directories(folder_ + "/" + run);
    TrainerConfig config;
    config.epochs = 4;
    config.schedule.lr = 0.5;
    config.eval_batch = 7;
    config.checkpoint_path = folder_ + "/" + run + "/last.safetensors";
    config.metrics_path = folder_ + "/" + run + "/metrics.jsonl";
    config.identity = {"test", "fp32", "epochs = 4\n", 5, {}};
    return config;
  }

  /// Trains as one process would; `stop_at` sets the stop flag after that many of its steps.
  TrainResult train(const TrainerConfig& config, bool resume = false, int64_t stop_at = -1) {
    TestNetwork network(config.identity.seed);
    TestRecords records(kRecords, kBatch), val(9, 3), test(20, 5);
    std::atomic<bool> stop{false};
    int64_t steps = 0;
    TrainerEvents events;
    events.on_step = [&](const StepReport&) { stop = ++steps == stop_at || stop; };
    Trainer trainer(config, network, {&records, &val, &test}, events);
    if (resume) trainer.resume(load_checkpoint(config.checkpoint_path));
    return trainer.run(stop);
  }

  std::vector<nlohmann::json> metrics(const TrainerConfig& config) {
    std::istringstream lines(read_text(config.metrics_path));
    std::vector<nlohmann::json> result;
    for (std::string line; std::getline(lines, line);) result.push_back(nlohmann::json::parse(line));
    return result;
  }

  /// What an epoch's line says, without what depends on the clock and the machine.
  std::vector<nlohmann::json> results(const TrainerConfig& config) {
    std::vector<nlohmann::json> lines = metrics(config);
    for (nlohmann::json& line : lines)
      for (const char* key : {"seconds", "images_per_second", "peak_rss_mib"}) line.erase(key);
    return lines;
  }

  std::string folder_;
};

TEST_F(TrainerTest, LearnsAndWritesALinePerEpoch) {
  const TrainerConfig config = this->config("a");
  const TrainResult result = train(config);
  EXPECT_EQ(result.progress.epoch, 4);
  EXPECT_EQ(result.progress.step, 4 * kSteps);
  EXPECT_FALSE(result.interrupted);
  const auto lines = metrics(config);
  ASSERT_EQ(lines.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i]["epoch"], i + 1);
    EXPECT_EQ(lines[i]["step"], (i + 1) * kSteps);
    for (const char* key :
        {"train_loss", "train_accuracy", "val_accuracy", "test_accuracy", "images_per_second", "seconds",
                            "learning_rate", "peak_rss_mib"})
      EXPECT_TRUE(lines[i][key].is_number()) << key;
  }
  EXPECT_LT(lines[3]["train_loss"], lines[0]["train_loss"]);
  EXPECT_GT(lines[3]["test_accuracy"], 0.8);
  EXPECT_GT(lines[3]["peak_rss_mib"], 1.0);
  EXPECT_FALSE(fs::exists(config.checkpoint_path + ".partial"));
}

TEST_F(TrainerTest, SplitRunsGiveTheSameBytesAndMetrics) {
  const TrainerConfig whole = config("whole");
  train(whole);
  const std::vector<uint8_t> expected = read_file(whole.checkpoint_path);

  TrainerConfig split = config("split");
  split.stop_after = 2;
  EXPECT_EQ(train(split).progress.epoch, 2);
  EXPECT_NE(read_file(split.checkpoint_path), expected);
  split.stop_after = 0;
  EXPECT_EQ(train(split, true).progress.epoch, 4);
  EXPECT_EQ(read_file(split.checkpoint_path), expected);
  EXPECT_EQ(results(split), results(whole));

  // Every place inside an epoch, by a step limit and by the stop flag.
  for (int64_t step : {1, 7, 10, 13, 39}) {
    TrainerConfig limited = config("limited" + std::to_string(step));
    limited.max_steps = step;
    EXPECT_EQ(train(limited).progress.step, step);
    limited.max_steps = 0;
    train(limited, true);
    EXPECT_EQ(read_file(limited.checkpoint_path), expected) << step;
    EXPECT_EQ(results(limited), results(whole)) << step;

    const TrainerConfig stopped = config("stopped" + std::to_string(step));
    const TrainResult result = train(stopped, false, step);
    EXPECT_TRUE(result.interrupted);
    EXPECT_EQ(result.progress.step, step);
    train(stopped, true);
    EXPECT_EQ(read_file(stopped.checkpoint_path), expected) << step;
    EXPECT_EQ(results(stopped), results(whole)) << step;
  }
}

TEST_F(TrainerTest, LongerRunWithConstantRateEqualsOneStartedLonger) {
  TrainerConfig whole = config("whole");
  whole.schedule.kind = ScheduleConfig::Kind::constant;
  whole.schedule.warmup = 0;
  train(whole);
  TrainerConfig split = whole;
  split.checkpoint_path = folder_ + "/longer.safetensors";
  split.metrics_path = folder_ + "/longer.jsonl";
  split.epochs = 2;
  train(split);
  split.epochs = 4;
  train(split, true);
  EXPECT_EQ(read_file(split.checkpoint_path), read_file(whole.checkpoint_path));
}

TEST_F(TrainerTest, LimitInsideAnEpochStillMeasures) {
  TrainerConfig limited = config("a");
  limited.max_steps = 3;
  limited.test = TrainerConfig::Test::last;
  const TrainResult result = train(limited);
  ASSERT_TRUE(result.last.has_value());
  EXPECT_EQ(result.last->step, 3);
  EXPECT_TRUE(result.last->test_accuracy.has_value());
  EXPECT_EQ(load_checkpoint(limited.checkpoint_path).info.progress.step_in_epoch, 3);
}

TEST_F(TrainerTest, TestPartIsMeasuredWhenAsked) {
  TrainerConfig last = config("last");
  last.test = TrainerConfig::Test::last;
  train(last);
  const auto lines = metrics(last);
  EXPECT_FALSE(lines[0].contains("test_accuracy"));
  EXPECT_TRUE(lines[3].contains("test_accuracy"));
  TrainerConfig never = config("never");
  never.test = TrainerConfig::Test::never;
  train(never);
  EXPECT_FALSE(metrics(never)[3].contains("test_accuracy"));
  EXPECT_EQ(read_file(never.checkpoint_path), read_file(last.checkpoint_path));
}

TEST_F(TrainerTest, ResumeCutsNewerAndBrokenMetricsLines) {
  TrainerConfig config = this->config("a");
  config.stop_after = 2;
  train(config);
  append_file(config.metrics_path, "{\"epoch\":3,\"step\":30}\n{\"epoch\":4,\"st");
  config.stop_after = 3;
  train(config, true);
  const auto lines = metrics(config);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[2].contains("train_loss"));
}

TEST_F(TrainerTest, LossThatIsNotFiniteStopsAndKeepsTheCheckpoint) {
  const TrainerConfig config = this->config("a");
  TestNetwork network(5);
  network.poison_at = 15;
  TestRecords records(kRecords, kBatch);
  Trainer trainer(config, network, {&records, nullptr, nullptr}, {});
  std::atomic<bool> stop{false};
  try {
    trainer.run(stop);
    FAIL();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("step 16 (epoch 2"), std::string::npos) << message;
    EXPECT_NE(message.find("the loss is nan"), std::string::npos) << message;
    EXPECT_NE(message.find("last good checkpoint stays in " + config.checkpoint_path), std::string::npos) << message;
  }
  EXPECT_EQ(load_checkpoint(config.checkpoint_path).info.progress.step, 10);
}

TEST_F(TrainerTest, ResumeRejectsAnotherRun) {
  TrainerConfig first = config("a");
  first.stop_after = 1;
  train(first);
  const auto error_of = [&](auto change) {
    TrainerConfig other = first;
    change(other);
    try {
      train(other, true);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(error_of([](TrainerConfig& c) { c.identity.model = "mlp"; }),
            "checkpoint " + first.checkpoint_path + " is of model 'test' (fp32), expected 'mlp' (fp32)");
  EXPECT_NE(error_of([](TrainerConfig& c) { c.identity.seed = 6; }).find("found seed 5, expected 6"),
      std::string::npos);

  TensorFile file = read_safetensors(first.checkpoint_path);
  file.metadata["step_in_epoch"] = "10";
  write_safetensors(first.checkpoint_path, file);
  EXPECT_NE(error_of([](TrainerConfig&) {}).find("found step 10, which is not step 10 of epoch 1"), std::string::npos);

  TestNetwork network;
  TestRecords fewer(30, kBatch);
  Trainer trainer(first, network, {&fewer, nullptr, nullptr}, {});
  try {
    trainer.resume(load_checkpoint(first.checkpoint_path));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("found 10 batches an epoch, expected 5"), std::string::npos);
  }
}

TEST(Evaluate, WeighsTheLastShortBatchByItsSize) {
  TestNetwork network;
  TestRecords records(10, 1);
  const EvalResult one = evaluate(network, records, 1), four = evaluate(network, records, 4);
  EXPECT_EQ(one.count, 10);
  EXPECT_EQ(one.accuracy, four.accuracy);
  EXPECT_NEAR(one.loss, four.loss, 1e-6);
  EXPECT_NEAR(one.loss, std::log(3.0), 1e-6);  // all weights are zero
}

}  // namespace
}  // namespace subbyte
