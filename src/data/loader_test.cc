#include "data/loader.h"

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/philox.h"
#include "data/augment.h"
#include "data/test_files.h"

namespace subbyte {
namespace {

constexpr int kHeight = 5, kWidth = 4, kChannels = 3;
constexpr size_t kImage = size_t{kHeight} * kWidth * kChannels;

struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Record i has label i and pixels of its own; some take time, some cannot be read.
class Records : public Dataset {
 public:
  explicit Records(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  int height() const override { return kHeight; }
  int width() const override { return kWidth; }
  int channels() const override { return kChannels; }
  int32_t label(int64_t index) const override { return int32_t(index); }
  void read(int64_t index, uint8_t* pixels) const override {
    if (unreadable.count(index) > 0) throw Unreadable("record " + std::to_string(index));
    if (slow_every > 0 && index % slow_every == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    const Bytes bytes = pattern(kImage, int(index));
    std::copy(bytes.begin(), bytes.end(), pixels);
    ++reads;
  }

  std::set<int64_t> unreadable;
  int slow_every = 0;  ///< 0: none
  mutable std::atomic<int64_t> reads{0};

 private:
  int64_t size_;
};

std::shared_ptr<Records> records(int64_t size, int slow_every = 0) {
  auto data = std::make_shared<Records>(size);
  data->slow_every = slow_every;
  return data;
}

/// augment() and what comes before it, as augment.h says it, pixel by pixel.
Bytes plain_augment(const Augmentation& a, const AugmentationDraw& draw, int height, int width, int channels,
                    const Bytes& in) {
  Bytes out;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        const int from_y = y + draw.crop_y - a.crop_pad;
        const int from_x = (draw.mirror ? width - 1 - x : x) + draw.crop_x - a.crop_pad;
        const int cut_y = y - (draw.cut_y - a.cutout / 2), cut_x = x - (draw.cut_x - a.cutout / 2);
        const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
        const bool cut = cut_y >= 0 && cut_y < a.cutout && cut_x >= 0 && cut_x < a.cutout;
        out.push_back(inside && !cut ? in[size_t((from_y * width + from_x) * channels + c)] : uint8_t{0});
      }
  return out;
}

/// Whether a batch holds the augmented pixels of the records that its labels name, for this seed and epoch.
bool follows_definition(const LoadedBatch& batch, const Augmentation& a, uint64_t seed, int64_t epoch) {
  if (batch.pixels.size() != size_t(batch.count) * kImage || batch.labels.size() != size_t(batch.count)) return false;
  for (int i = 0; i < batch.count; ++i) {
    const auto words = random_words(seed, RandomUse::augment, uint32_t(epoch), 0, uint32_t(batch.labels[size_t(i)]));
    const Bytes expected = plain_augment(a, draw_augmentation(a, kHeight, kWidth, words), kHeight, kWidth, kChannels,
                                         pattern(kImage, batch.labels[size_t(i)]));
    if (!std::equal(expected.begin(), expected.end(), batch.pixels.begin() + std::ptrdiff_t(size_t(i) * kImage)))
      return false;
  }
  return true;
}

using Epoch = std::vector<LoadedBatch>;

Epoch read_epoch(TrainLoader& loader, int64_t epoch, int64_t from = 0) {
  Epoch batches;
  for (int64_t i = from; i < loader.batches_per_epoch(); ++i) batches.push_back(loader.get(epoch, i));
  return batches;
}

std::vector<int32_t> labels_of(const Epoch& epoch) {
  std::vector<int32_t> labels;
  for (const LoadedBatch& batch : epoch) labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  return labels;
}

bool same(const LoadedBatch& a, const LoadedBatch& b) {
  return a.count == b.count && a.pixels == b.pixels && a.labels == b.labels;
}

const Augmentation kAll{2, true, 2};

Augmentation any_augmentation() {
  return {*rc::gen::inRange(0, 8), *rc::gen::arbitrary<bool>(), *rc::gen::inRange(0, 8)};
}

TEST(TrainLoader, EveryRecordOfAnEpochOnceInFullBatches) {
  EXPECT_TRUE(rc::check("an epoch is size / batch full batches of records that are all different", [] {
    const int64_t size = *rc::gen::inRange(1, 60);
    const int batch = *rc::gen::inRange(1, int(size) + 1);
    TrainLoader loader(records(size), batch, {}, *rc::gen::arbitrary<uint64_t>());
    RC_ASSERT(loader.batches_per_epoch() == size / batch);
    const Epoch epoch = read_epoch(loader, *rc::gen::inRange(0, 1000));
    for (const LoadedBatch& loaded : epoch) RC_ASSERT(loaded.count == batch);
    const std::vector<int32_t> labels = labels_of(epoch);
    RC_ASSERT(int64_t(labels.size()) == size / batch * batch);
    const std::set<int32_t> different(labels.begin(), labels.end());
    RC_ASSERT(different.size() == labels.size());
    RC_ASSERT(*different.begin() >= 0 && *different.rbegin() < size);
  }));
}

TEST(TrainLoader, PixelsAreAugmentedByTheirDefinition) {
  EXPECT_TRUE(rc::check("pixels follow from (seed, epoch, record)", [] {
    const Augmentation a = any_augmentation();
    const uint64_t seed = *rc::gen::arbitrary<uint64_t>();
    const int64_t epoch = *rc::gen::inRange(0, 100000);
    const int size = *rc::gen::inRange(1, 20);
    TrainLoader loader(records(size), *rc::gen::inRange(1, size + 1), a, seed);
    for (const LoadedBatch& batch : read_epoch(loader, epoch)) RC_ASSERT(follows_definition(batch, a, seed, epoch));
  }));
}

TEST(TrainLoader, BatchSizeDoesNotChangeTheOrder) {
  TrainLoader ones(records(24), 1, kAll, 7), fives(records(24), 5, kAll, 7);
  std::vector<int32_t> expected = labels_of(read_epoch(ones, 3));
  expected.resize(20);
  EXPECT_EQ(labels_of(read_epoch(fives, 3)), expected);
}

TEST(TrainLoader, OrderDependsOnSeedAndEpoch) {
  std::set<std::vector<int32_t>> orders;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    TrainLoader loader(records(100), 10, {}, seed);
    for (int64_t epoch = 0; epoch < 5; ++epoch) orders.insert(labels_of(read_epoch(loader, epoch)));
  }
  EXPECT_EQ(orders.size(), 15u);
}

TEST(TrainLoader, EveryOrderIsEquallyLikely) {
  TrainLoader loader(records(4), 4, {}, 11);
  std::map<std::vector<int32_t>, int> counts;
  constexpr int kEpochs = 4800, kExpected = kEpochs / 24;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) ++counts[loader.get(epoch, 0).labels];
  ASSERT_EQ(counts.size(), 24u);
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += double(count - kExpected) * (count - kExpected) / kExpected;
  EXPECT_LT(chi_square, 49.7);  // 23 degrees of freedom, one run in 1000 is above; the seed is fixed
}

TEST(TrainLoader, TheRecordsLeftOverDifferByEpoch) {
  TrainLoader loader(records(11), 4, {}, 5);
  std::set<int32_t> seen;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    const std::vector<int32_t> labels = labels_of(read_epoch(loader, epoch));
    EXPECT_EQ(labels.size(), 8u);
    seen.insert(labels.begin(), labels.end());
  }
  EXPECT_EQ(seen.size(), 11u);
}

TEST(TrainLoader, TimingChangesNothing) {
  TrainLoader fast(records(40), 3, kAll, 9), slow(records(40, 2), 3, kAll, 9);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const Epoch expected = read_epoch(fast, epoch);
    for (int64_t i = 0; i < slow.batches_per_epoch(); ++i) {
      if (i % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));  // the queue fills
      EXPECT_TRUE(same(slow.get(epoch, i), expected[size_t(i)])) << epoch << " " << i;
    }
  }
}

TEST(TrainLoader, ResumingGivesTheRestOfTheRun) {
  TrainLoader whole(records(23), 4, kAll, 3);
  std::vector<Epoch> run;
  for (int64_t epoch = 0; epoch < 3; ++epoch) run.push_back(read_epoch(whole, epoch));
  for (int64_t start = 0; start < whole.batches_per_epoch(); ++start) {
    TrainLoader resumed(records(23), 4, kAll, 3);
    const Epoch rest = read_epoch(resumed, 1, start);
    for (size_t i = 0; i < rest.size(); ++i) EXPECT_TRUE(same(rest[i], run[1][size_t(start) + i])) << start << " " << i;
    EXPECT_TRUE(same(resumed.get(2, 0), run[2][0]));
  }
}

TEST(TrainLoader, AnyWalkGivesTheSameBatches) {
  constexpr int kEpochs = 4;
  TrainLoader ordered(records(17), 3, kAll, 21);
  std::vector<Epoch> run;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) run.push_back(read_epoch(ordered, epoch));
  EXPECT_TRUE(rc::check("batches asked for in any order, with steps, jumps and repetitions", [&] {
    const int slow_every = *rc::gen::element(0, 0, 0, 5);
    TrainLoader loader(records(17, slow_every), 3, kAll, 21);
    int64_t at = *rc::gen::inRange(0, 20);
    for (int step : *rc::gen::container<std::vector<int>>(rc::gen::element(1, 1, 1, 1, 0, -1, 2, 7))) {
      const int64_t epoch = at / 5 % kEpochs, index = at % 5;
      RC_ASSERT(same(loader.get(epoch, index), run[size_t(epoch)][size_t(index)]));
      at = std::max<int64_t>(0, at + step);
    }
  }));
}

TEST(TrainLoader, PreparesAheadAndNoFurther) {
  const auto data = records(100);
  TrainLoader loader(data, 1, {}, 1);
  EXPECT_EQ(data->reads, 0);  // nothing before the first batch is known
  loader.get(0, 0);
  const auto wait_for = [&](int64_t reads) {
    for (int i = 0; i < 2000 && data->reads < reads; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return data->reads.load();
  };
  EXPECT_EQ(wait_for(3), 3);  // the one that was asked for and two more
  loader.get(0, 1);
  EXPECT_EQ(wait_for(4), 4);
}

TEST(TrainLoader, ErrorsOfTheBackgroundThreadAreThrownByTheirBatchAlone) {
  const auto data = records(20);
  data->unreadable = {13};
  TrainLoader loader(data, 2, kAll, 2), good(records(20), 2, kAll, 2);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    int failures = 0;
    for (int64_t i = 0; i < 10; ++i) {
      const LoadedBatch& expected = good.get(epoch, i);
      try {
        EXPECT_TRUE(same(loader.get(epoch, i), expected));
      } catch (const Unreadable& error) {
        EXPECT_EQ(error.what(), std::string("record 13"));
        EXPECT_EQ(std::count(expected.labels.begin(), expected.labels.end(), 13), 1);
        EXPECT_THROW(loader.get(epoch, i), Unreadable);  // asked again, tried again
        ++failures;
      }
    }
    EXPECT_EQ(failures, 1);
  }
}

TEST(TrainLoader, EndsWhileBatchesArePending) {
  for (int i = 0; i < 40; ++i) {
    const auto data = records(64, 1);
    if (i % 4 == 3) data->unreadable = {0, 1, 2, 3, 4, 5, 6, 7};
    const auto get = [](TrainLoader& loader, int64_t index) {
      try {
        loader.get(0, index);
      } catch (const Unreadable&) {
      }
    };
    {
      TrainLoader loader(data, 4, kAll, uint64_t(i));
      for (int64_t index = 0; index < i % 3; ++index) get(loader, index);
    }
    EXPECT_EQ(data.use_count(), 1);  // nothing reads any more
  }
}

TEST(TrainLoader, RefusesBatchesThatCannotBe) {
  expect_error<UsageError>([] { TrainLoader(records(4), 0, {}, 1); }, {"batch size: found 0, expected 1 or more"});
  expect_error<UsageError>([] { TrainLoader(records(4), 5, {}, 1); },
                           {"batch size: found 5, expected at most the 4 training records"});
  TrainLoader loader(records(4), 2, {}, 1);
  for (const auto& [epoch, index] : {std::pair{-1, 0}, {0, -1}, {0, 2}})
    expect_error<UsageError>([&, e = epoch, i = index] { loader.get(e, i); }, {"of epoch", "expected 0..1"});
  EXPECT_EQ(loader.get(0, 1).count, 2);
}

TEST(TrainLoader, HeldOutRecordsAreNeverRead) {
  EXPECT_TRUE(rc::check("training on a slice leaves the last records alone, whatever the seed", [] {
    const auto all = records(20);
    const int64_t held_out = *rc::gen::inRange(1, 19);
    for (int64_t i = 20 - held_out; i < 20; ++i) all->unreadable.insert(i);
    TrainLoader loader(slice(all, 0, 20 - held_out), 1, kAll, *rc::gen::arbitrary<uint64_t>());
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      std::vector<int32_t> labels = labels_of(read_epoch(loader, epoch));
      std::sort(labels.begin(), labels.end());
      RC_ASSERT(int64_t(labels.size()) == 20 - held_out);
      for (size_t i = 0; i < labels.size(); ++i) RC_ASSERT(labels[i] == int32_t(i));
    }
  }));
}

TEST(Augment, IsItsDefinition) {
  EXPECT_TRUE(rc::check("augment() equals the loops over pixels and stays inside its arrays", [] {
    const int height = *rc::gen::inRange(1, 12), width = *rc::gen::inRange(1, 12), channels = *rc::gen::inRange(1, 5);
    const Augmentation a{*rc::gen::inRange(0, 15), true, *rc::gen::inRange(0, 30)};
    const AugmentationDraw draw{*rc::gen::inRange(0, 2 * a.crop_pad + 1), *rc::gen::inRange(0, 2 * a.crop_pad + 1),
                                *rc::gen::arbitrary<bool>(), *rc::gen::inRange(0, height), *rc::gen::inRange(0, width)};
    const size_t size = size_t(height * width * channels), margin = 64;
    const Bytes in = pattern(size, *rc::gen::inRange(0, 100));
    Bytes out(size + 2 * margin, 0xEE);
    augment(a, draw, height, width, channels, in.data(), out.data() + margin);
    Bytes expected(margin, 0xEE);
    const Bytes image = plain_augment(a, draw, height, width, channels, in);
    expected.insert(expected.end(), image.begin(), image.end());
    expected.resize(out.size(), 0xEE);
    RC_ASSERT(out == expected);
  }));
}

TEST(Augment, NothingAskedForCopies) {
  const Bytes in = pattern(kImage, 3);
  Bytes out(kImage);
  const auto draw = draw_augmentation({}, kHeight, kWidth, {~0u, ~0u, ~0u, ~0u});
  augment({}, draw, kHeight, kWidth, kChannels, in.data(), out.data());
  EXPECT_EQ(out, in);
}

TEST(DrawAugmentation, EndsOfTheRanges) {
  const AugmentationDraw low = draw_augmentation({4, true, 8}, 28, 32, {0, 0, 0, 0});
  EXPECT_EQ(low.crop_y, 0);
  EXPECT_EQ(low.crop_x, 0);
  EXPECT_FALSE(low.mirror);
  EXPECT_EQ(low.cut_y, 0);
  EXPECT_EQ(low.cut_x, 0);
  const AugmentationDraw high = draw_augmentation({4, true, 8}, 28, 32, {~0u, ~0u, ~0u, ~0u});
  EXPECT_EQ(high.crop_y, 8);
  EXPECT_EQ(high.crop_x, 8);
  EXPECT_TRUE(high.mirror);
  EXPECT_EQ(high.cut_y, 27);
  EXPECT_EQ(high.cut_x, 31);
  EXPECT_FALSE(draw_augmentation({4, false, 8}, 28, 32, {~0u, ~0u, ~0u, ~0u}).mirror);
}

TEST(DrawAugmentation, CropFlipAndCutoutAreIndependent) {
  constexpr int kSide = 4, kRecords = 18 * 16 * 400;
  std::map<std::array<int, 3>, int> crops, cuts;
  for (uint32_t record = 0; record < kRecords; ++record) {
    const auto draw = draw_augmentation({1, true, 2}, kSide, kSide, random_words(5, RandomUse::augment, 0, 0, record));
    ++crops[{draw.crop_y, draw.crop_x, draw.mirror}];
    ++cuts[{draw.cut_y, draw.cut_x, draw.mirror}];
  }
  const auto chi_square = [](const std::map<std::array<int, 3>, int>& counts) {
    const double expected = double(kRecords) / double(counts.size());
    double sum = 0;
    for (const auto& [values, count] : counts) sum += (count - expected) * (count - expected) / expected;
    return sum;
  };
  ASSERT_EQ(crops.size(), 3u * 3 * 2);
  ASSERT_EQ(cuts.size(), size_t{kSide * kSide * 2});
  EXPECT_LT(chi_square(crops), 40.8);  // one in 1000 is above, at 17 and 31 degrees of freedom; the seed is fixed
  EXPECT_LT(chi_square(cuts), 61.1);
}

}  // namespace
}  // namespace subbyte
