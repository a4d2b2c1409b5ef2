#include "data/dataset.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "data/memory_dataset.h"
#include "data/test_files.h"

namespace subbyte {
namespace {

std::shared_ptr<const Dataset> small_set(int count) {
  LabelledImages images{2, 3, 3, pattern(size_t(count) * 18, 4), {}};
  for (int i = 0; i < count; ++i) images.labels.push_back(i % 7);
  return make_memory_dataset(std::move(images));
}

TEST(OpenData, ListsEveryFormatAndNamesTheNearest) {
  std::vector<std::string> names;
  for (const DataEntry& entry : data_list()) {
    names.push_back(entry.name);
    EXPECT_FALSE(entry.summary.empty());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"fashion-mnist", "mnist", "cifar10", "cifar100", "images"}));
  expect_error<UsageError>([] { open_data({"cifar11", "x", 32, true}); },
                           {"data.name: found 'cifar11', expected fashion-mnist, mnist", "did you mean 'cifar10'?"});
  expect_error<UsageError>([] { open_data({"", "x", 32, true}); }, {"data.name: found ''"});
}

TEST(Slice, ViewsARange) {
  const auto all = small_set(10);
  const auto part = slice(all, 3, 8);
  ASSERT_EQ(part->size(), 5);
  EXPECT_EQ(part->height(), 2);
  EXPECT_EQ(part->width(), 3);
  EXPECT_EQ(part->channels(), 3);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(part->label(i), all->label(i + 3));
    EXPECT_EQ(record_of(*part, i), record_of(*all, i + 3));
  }
  EXPECT_EQ(slice(part, 1, 3)->label(0), all->label(4));
  EXPECT_EQ(slice(all, 4, 4)->size(), 0);
}

TEST(Slice, RefusesOtherRanges) {
  const auto all = small_set(10);
  for (const auto& [begin, end] : {std::pair{-1, 3}, {0, 11}, {5, 4}})
    expect_error<UsageError>([&] { slice(all, begin, end); }, {"expected a range within 0 to 10"});
}

TEST(ChannelStatistics, AgreesWithTheDefinition) {
  const auto data = small_set(1000);
  const ChannelStatistics statistics = channel_statistics(*data);
  ASSERT_EQ(statistics.mean.size(), 3u);
  for (size_t c = 0; c < 3; ++c) {
    std::vector<double> values;
    for (int64_t i = 0; i < data->size(); ++i) {
      const Bytes pixels = record_of(*data, i);
      for (size_t p = c; p < pixels.size(); p += 3) values.push_back(pixels[p] / 255.0);
    }
    double mean = 0, variance = 0;
    for (double v : values) mean += v / double(values.size());
    for (double v : values) variance += (v - mean) * (v - mean) / double(values.size());
    EXPECT_NEAR(statistics.mean[c], mean, 1e-6);
    EXPECT_NEAR(statistics.stddev[c], std::sqrt(variance), 1e-6);
  }
}

TEST(ChannelStatistics, DeviationOfEvenImages) {
  const auto even = make_memory_dataset({2, 2, 1, Bytes(40, 51), std::vector<int32_t>(10)});
  const ChannelStatistics statistics = channel_statistics(*even);
  EXPECT_FLOAT_EQ(statistics.mean[0], 0.2f);
  EXPECT_FLOAT_EQ(statistics.stddev[0], 1.0f / 255);
  expect_error([&] { channel_statistics(*slice(even, 0, 0)); }, {"found no records"});
}

TEST(RealData, FashionMnist) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "the Debian package dataset-fashion-mnist is not installed";
  const DataSource source = open_data({"fashion-mnist", "", 32, true});
  EXPECT_EQ(source.train->size(), 60000);
  EXPECT_EQ(source.test->size(), 10000);
  EXPECT_EQ(source.train->height(), 28);
  EXPECT_EQ(source.train->width(), 28);
  std::vector<int> counts(10);
  for (int64_t i = 0; i < 60000; ++i) ++counts[size_t(source.train->label(i))];
  EXPECT_EQ(counts, std::vector<int>(10, 6000));
  const ChannelStatistics statistics = channel_statistics(*source.train);
  EXPECT_NEAR(statistics.mean[0], 0.2860, 1e-4);    // the published values
  EXPECT_NEAR(statistics.stddev[0], 0.3530, 1e-4);
}

TEST(RealData, Cifar10) {
  const char* folder = std::getenv("SUBBYTE_DATA");
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / "cifar10"))
    GTEST_SKIP() << "SUBBYTE_DATA names no folder with cifar10/";
  const DataSource source = open_data({"cifar10", (std::filesystem::path(folder) / "cifar10").string(), 32, true});
  EXPECT_EQ(source.train->size(), 50000);
  EXPECT_EQ(source.test->size(), 10000);
  EXPECT_EQ(source.class_names.at(0), "airplane");
  const ChannelStatistics statistics = channel_statistics(*source.train);
  const double mean[] = {0.49140, 0.48216, 0.44653}, stddev[] = {0.24703, 0.24349, 0.26159};  // the published values
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(statistics.mean[c], mean[c], 1e-5);
    EXPECT_NEAR(statistics.stddev[c], stddev[c], 1e-5);
  }
}

}  // namespace
}  // namespace subbyte
