#include "train/metrics.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {
namespace {

class Metrics : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-metrics-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/metrics.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static EpochMetrics epoch(int64_t number) {
    EpochMetrics metrics;
    metrics.epoch = number;
    metrics.step = 10 * number;
    metrics.train_loss = 1.0 / 3;
    metrics.train_accuracy = 0.7;
    metrics.test_accuracy = 0.1 + 0.2;
    metrics.seconds = 1.5;
    metrics.learning_rate = 1e-5;
    metrics.peak_rss_mib = 71.25;
    return metrics;
  }

  std::string error_of(const std::string& text) {
    write_file(path_, text);
    try {
      read_metrics(path_);
    } catch (const Error& error) {
      const std::string message = error.what();
      return message.rfind(path_, 0) == 0 ? message.substr(path_.size()) : message;
    }
    return "accepted";
  }

  std::string folder_, path_;
};

TEST_F(Metrics, WhatIsWrittenReadsBack) {
  EXPECT_TRUE(read_metrics(path_).epochs.empty());
  std::string text;
  for (int64_t number : {1, 2, 5}) {
    append_metrics(path_, epoch(number));
    text += metrics_line(epoch(number)) + "\n";
  }
  const MetricsFile file = read_metrics(path_);
  EXPECT_FALSE(file.cut_short);
  std::string again;
  for (const EpochMetrics& metrics : file.epochs) again += metrics_line(metrics) + "\n";
  EXPECT_EQ(again, text);
}

TEST_F(Metrics, ALastLineCutAnywhereIsLeftOut) {
  const std::string first = metrics_line(epoch(1)) + "\n", second = metrics_line(epoch(2));
  for (size_t length = 1; length < second.size(); ++length) {
    write_file(path_, first + second.substr(0, length));
    const MetricsFile file = read_metrics(path_);
    EXPECT_TRUE(file.cut_short) << length;
    EXPECT_EQ(file.epochs.size(), 1u) << length;
  }
  write_file(path_, first + second);  // only its line end is missing
  EXPECT_EQ(read_metrics(path_).epochs.size(), 2u);
  EXPECT_FALSE(read_metrics(path_).cut_short);
}

TEST_F(Metrics, DamageNamesFileAndLine) {
  const std::string first = metrics_line(epoch(1)) + "\n", second = metrics_line(epoch(2)) + "\n";
  EXPECT_EQ(error_of(first + "{\"epoch\":2,\"st\n" + second),
            ":2: damaged: found '{\"epoch\":2,\"st', expected a JSON object");
  EXPECT_EQ(error_of(first + "\n" + second), ":2: damaged: found '', expected a JSON object");
  EXPECT_EQ(error_of(first + first), ":2: epoch: found 1, expected a whole number, 2 or more");
  EXPECT_EQ(error_of("[1]\n"), ":1: damaged: found '[1]', expected a JSON object");
  EXPECT_EQ(error_of("7"), ":1: damaged: found '7', expected a JSON object");
  EXPECT_EQ(error_of("{\"epoch\":1}\n"), ":1: step: missing");
  const auto with = [&](const std::string& field, const std::string& value) {
    std::string line = first;
    const size_t at = line.find("\"" + field + "\":") + field.size() + 3;
    return error_of(line.replace(at, line.find_first_of(",}", at) - at, value));
  };
  EXPECT_EQ(with("epoch", "1.5"), ":1: epoch: found 1.5, expected a whole number, 1 or more");
  EXPECT_EQ(with("epoch", "-1"), ":1: epoch: found -1, expected a whole number, 1 or more");
  EXPECT_EQ(with("epoch", "18446744073709551615"),
            ":1: epoch: found 18446744073709551615, expected a whole number, 1 or more");
  EXPECT_EQ(with("train_loss", "null"), ":1: train_loss: found null, expected a number");
  EXPECT_EQ(with("train_accuracy", "1.5"), ":1: train_accuracy: found 1.5, expected a number, 0 to 1");
  EXPECT_EQ(with("test_accuracy", "\"x\""), ":1: test_accuracy: found \"x\", expected a number, 0 to 1");
  EXPECT_EQ(with("seconds", "-2"), ":1: seconds: found -2, expected a number, 0 or more");
}

}  // namespace
}  // namespace subbyte
