// What a network says that it will hold, against what its buffers hold after it has run.
#include "nn/memory_plan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "nn/network.h"

namespace subbyte {
namespace {

struct Case {
  std::string model, format;
  int batch = 0, threads = 1, norm_bits = 8;
};

std::unique_ptr<Network> network_of(const Case& t) {
  NetworkConfig config;
  config.model = make_model(t.model, {32, 32, 3}, 10);
  config.format = Format::parse(t.format);
  config.quant.norm_bits = t.norm_bits;
  config.mean.assign(3, 0.5f);
  config.stddev.assign(3, 0.25f);
  config.threads = t.threads;
  auto network = make_network(config);
  initialize(network->params(), 1);
  return network;
}

class MemoryPlanTest : public testing::TestWithParam<Case> {};

TEST_P(MemoryPlanTest, IsWhatTheBuffersHold) {
  const Case& t = GetParam();
  const int64_t before = buffer_bytes().current;
  const auto network = network_of(t);
  int64_t planned = 0;
  for (const MemoryItem& item : network->memory_plan(t.batch))
    if (!item.is_part && item.key != "weight_codes") planned += item.bytes;  // those are no Buffer
  EXPECT_LT(buffer_bytes().current - before, planned / 20);  // planning allocates nothing
  reset_buffer_peak();
  std::vector<uint8_t> pixels(size_t(t.batch) * 32 * 32 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 13);
  std::vector<int32_t> labels(size_t(t.batch));
  for (int i = 0; i < t.batch; ++i) labels[size_t(i)] = i % 10;
  const Batch batch{t.batch, pixels.data(), labels.data()};
  for (uint64_t step = 0; step < 3; ++step) network->train_step(batch, step);
  network->evaluate(batch, nullptr);
  const double held = double(buffer_bytes().current - before), most = double(buffer_bytes().peak - before);
  EXPECT_NEAR(held, double(planned), 0.05 * double(planned));
  EXPECT_NEAR(most, double(planned), 0.05 * double(planned));
}

INSTANTIATE_TEST_SUITE_P(Models, MemoryPlanTest,
                         testing::Values(Case{"resnet20", "w4a4g4", 32, 1}, Case{"resnet20", "w4a4g4", 32, 2},
                                         Case{"resnet20", "w4a4g4", 128, 1}, Case{"resnet20", "w4a4g4", 128, 2},
                                         Case{"resnet20", "w8a8g8", 32, 2}, Case{"resnet20", "w4a4g4", 32, 1, 4},
                                         Case{"vgg-small", "w4a4g4", 16, 2}));

/// Bytes an image that PyTorch keeps of ResNet-20 in FP32 (benchmarks/peers/pytorch_step.py counts them).
constexpr double fp32_bytes = 1605928;

int64_t saved_bytes(int norm_bits) {
  int64_t bytes = 0;
  for (const LayerInfo& layer : network_of({"resnet20", "w4a4g4", 1, 1, norm_bits})->layers()) bytes += layer.saved_bytes_per_image;
  return bytes;
}

TEST(MemoryPlan, SavedActivationsAreAFifthOfFp32sAndLessWithTheNormsAtFourBits) {
  EXPECT_GE(fp32_bytes / double(saved_bytes(8)), 5.0);
  EXPECT_GE(fp32_bytes / double(saved_bytes(4)), 7.5);
}

TEST(MemoryPlan, CountsWhatTheLayersSaySaved) {
  const auto network = network_of({"resnet20", "w4a4g4", 1, 1});
  int64_t planned = 0;
  for (const MemoryItem& item : network->memory_plan(64))
    if (item.key == "saved") planned = item.bytes;
  EXPECT_NEAR(double(planned), double(saved_bytes(8) * 64), 0.01 * double(planned));  // slack at the ends of blocks
}

}  // namespace
}  // namespace subbyte
