// Narrow integers learn: an image task that is easy but not linear in a pixel, to an accuracy far above chance.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "network_support.h"
#include "program.h"
#include "subbyte/model.h"
#include "train/trainer.h"

namespace subbyte {
namespace {

constexpr int kClasses = 4, kRecords = 128, kBatch = 16;
constexpr Shape kImage{10, 9, 1};

class Records : public TrainSource, public EvalSource {
 public:
  Records(const ModelSpec& model, int count, uint32_t first)
      : images_(model, count, first), image_(model.input_shape().elements()) {}
  int64_t batches_per_epoch() const override { return size() / kBatch; }
  Batch get(int64_t, int64_t index) override { return get(index * kBatch, kBatch); }
  int64_t size() const override { return int64_t(images_.labels.size()); }
  Batch get(int64_t begin, int count) override {
    return {count, images_.pixels.data() + begin * image_, images_.labels.data() + begin};
  }

 private:
  BarImages images_;
  int64_t image_;
};

class Learning : public testing::TestWithParam<std::tuple<const char*, NormKind>> {};

TEST_P(Learning, AConvolutionNetReachesNinetyFivePercent) {
  const auto& [format, norm] = GetParam();
  std::string folder = (std::filesystem::temp_directory_path() / "subbyte-learning-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  NetworkConfig config = network_config(pooled_model(kImage, kClasses), format, norm);
  config.quant.first = config.quant.last = config.format;  // nothing is wider than the format
  const auto network = initialized_network(config);
  Records train(config.model, kRecords, 0), test(config.model, 125, 5000);  // 125: a last batch of its own size
  TrainerConfig trainer;
  trainer.epochs = 8;
  trainer.eval_batch = 32;
  trainer.schedule.lr = 0.1;
  trainer.test = TrainerConfig::Test::last;
  trainer.checkpoint_path = folder + "/last.safetensors";
  trainer.metrics_path = folder + "/metrics.jsonl";
  trainer.identity = {config.model.name, config.format.name(), "", config.seed, {}};
  const std::atomic<bool> stop{false};
  const TrainResult result = Trainer(trainer, *network, {&train, nullptr, &test}, {}).run(stop);
  ASSERT_TRUE(result.last.has_value());
  EXPECT_GT(result.last->train_accuracy, 0.95);  // chance: 0.25
  EXPECT_GT(result.last->test_accuracy.value_or(0), 0.9);
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Formats, Learning,
                         testing::Combine(testing::Values("w4a4g4", "w2a4g4"),
                                          testing::Values(NormKind::l1, NormKind::l2)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + norm_name(std::get<1>(info.param));
                         });

ModelOptions options() {
  ModelOptions options;
  options.model = "resnet20";
  options.height = options.width = 8;
  options.channels = 1;
  options.classes = kClasses;
  return options;
}

TEST(Batches, OfOneAndOfAnySizeTrainAndPredict) {
  SpecBuilder shape("shape", {8, 8, 1}, kClasses);
  shape.linear("fc", shape.flatten("flat", 0), kClasses, true);
  const ModelSpec spec = shape.finish();
  Model model = Model::create(options());
  const BarImages images(spec, 12);
  for (const int count : {12, 1, 5, 1, 12}) {
    const auto result = model.train_step({images.pixels.data(), size_t(count) * 64},
                                         {images.labels.data(), size_t(count)}, 0.01f);
    EXPECT_TRUE(std::isfinite(result.loss)) << count;
    EXPECT_LE(result.correct, count);
  }
  const std::vector<float> whole = model.predict(images.pixels);
  for (const float logit : whole) EXPECT_TRUE(std::isfinite(logit));
  for (int i = 0; i < 12; ++i) {
    const std::vector<float> one = model.predict({images.pixels.data() + i * 64, 64});
    EXPECT_TRUE(std::equal(one.begin(), one.end(), whole.begin() + i * kClasses)) << i;
  }
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Batches, ThatAreEmptyOrUnevenAreOneLine) {
  Model model = Model::create(options());
  const std::vector<uint8_t> pixels(130);
  const std::vector<int32_t> labels(2, 0);
  for (const size_t bytes : {size_t(0), size_t(63), size_t(130)}) {
    const std::string message = message_of([&] { model.train_step({pixels.data(), bytes}, labels, 0.1f); });
    EXPECT_EQ(message.rfind("pixels: found " + std::to_string(bytes) + " bytes, expected a multiple of 64", 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  const std::string message = message_of([&] { model.train_step({pixels.data(), 64}, labels, 0.1f); });
  EXPECT_EQ(message.rfind("labels: found 2, expected 1", 0), 0u) << message;
  EXPECT_EQ(model.steps(), 0);
}

class ProgramBatches : public ProgramTest {};

TEST_F(ProgramBatches, OfOneTrain) {
  expect_good(subbyte(train("one", {"--batch", "1", "--max-steps", "5"})));
  EXPECT_EQ(metrics("one").at(0)["step"], 5);
}

TEST_F(ProgramBatches, LargerThanTheDataAreOneLine) {
  expect_error(subbyte(train("much", {"--batch", "201"})), 2, {"batch", "201", "200"});
}

TEST_F(ProgramBatches, ThatDoNotDivideTheDataLeaveItsRestForAnotherEpoch) {
  expect_good(subbyte(train("part", {"--batch", "60", "--epochs", "2"})));
  EXPECT_EQ(metrics("part").at(1)["step"], 6);  // 200 / 60 full batches an epoch
}

}  // namespace
}  // namespace subbyte
