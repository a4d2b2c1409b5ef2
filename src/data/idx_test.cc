#include "data/idx.h"

#include <rapidcheck.h>

#include <string>

#include "data/gzip.h"
#include "data/test_files.h"

namespace subbyte {
namespace {

const Bytes kPixels = pattern(5 * 3 * 4, 1);
const Bytes kLabels = {0, 9, 3, 3, 7};

TEST(Idx, ReadsWhatWasWritten) {
  const IdxImages images = parse_idx_images(idx_images(5, 3, 4, kPixels), "x");
  EXPECT_EQ(images.count, 5);
  EXPECT_EQ(images.height, 3);
  EXPECT_EQ(images.width, 4);
  EXPECT_EQ(images.pixels, kPixels);
  EXPECT_EQ(parse_idx_labels(idx_labels(5, kLabels), "y", 10), (std::vector<int32_t>{0, 9, 3, 3, 7}));
}

TEST(Idx, RefusesBadImages) {
  const auto bad = [](const Bytes& bytes, const std::vector<std::string>& texts) {
    expect_error([&] { parse_idx_images(bytes, "dir/file"); }, texts);
  };
  const Bytes good = idx_images(5, 3, 4, kPixels);
  bad({}, {"dir/file: found 0 bytes, expected at least 16"});
  bad({good.begin(), good.begin() + 15}, {"dir/file: found 15 bytes, expected at least 16"});
  bad({good.begin(), good.begin() + 16}, {"found 16 bytes, expected 76 for 5 images of 3x4 (truncated)"});
  bad({good.begin(), good.end() - 1}, {"found 75 bytes, expected 76", "truncated"});
  bad(idx_images(5, 3, 4, pattern(61, 1)), {"found at least 77 bytes, expected 76", "trailing bytes"});
  bad(idx_images(5, 3, 4, kPixels, 2049), {"found magic number 2049, expected 2051"});
  bad(idx_images(0, 3, 4, {}), {"found 0 images, expected at least 1"});
  bad(idx_images(5, 0, 4, {}), {"found images of 0x4, expected sides of 1 to 4096"});
  bad(idx_images(5, 3, 4097, {}), {"found images of 3x4097, expected sides of 1 to 4096"});
  bad(idx_images(0xFFFFFFFF, 4096, 4096, {}), {"found a header for 72057594021150736 bytes, expected at most"});
}

TEST(Idx, RefusesBadLabels) {
  const auto bad = [](const Bytes& bytes, const std::vector<std::string>& texts) {
    expect_error([&] { parse_idx_labels(bytes, "dir/file", 10); }, texts);
  };
  bad(idx_labels(5, {0, 9, 3, 10, 255}), {"dir/file: record 3: found label 10, expected 0 to 9"});
  bad(idx_labels(5, {0, 9, 3}), {"dir/file: found 11 bytes, expected 13 for 5 labels (truncated)"});
  bad(idx_labels(2, kLabels), {"found at least 13 bytes, expected 10 for 2 labels (trailing bytes)"});
  bad(idx_labels(5, kLabels, 2051), {"found magic number 2051, expected 2049"});
  bad({0, 0, 8, 1}, {"found 4 bytes, expected at least 8"});
  bad(idx_labels(0, {}), {"found 0 labels"});
}

TEST(Idx, EveryTruncationIsAnError) {
  EXPECT_TRUE(rc::check("a prefix of a file is an error", [] {
    const Bytes good = idx_images(5, 3, 4, kPixels);
    const Bytes prefix(good.begin(), good.begin() + *rc::gen::inRange<int>(0, int(good.size())));
    RC_ASSERT_THROWS_AS(parse_idx_images(prefix, "x"), Error);
  }));
}

class IdxFiles : public FilesTest {
 protected:
  void write_all(const std::string& dir, bool gzip) {
    write(dir + "/train-images-idx3-ubyte", idx_images(5, 3, 4, kPixels), gzip);
    write(dir + "/train-labels-idx1-ubyte", idx_labels(5, kLabels), gzip);
    write(dir + "/t10k-images-idx3-ubyte", idx_images(2, 3, 4, pattern(24, 2)), gzip);
    write(dir + "/t10k-labels-idx1-ubyte", idx_labels(2, {8, 1}), gzip);
  }
  void write(const std::string& name, const Bytes& bytes, bool gzip) {
    if (gzip) write_gzip(path(name + ".gz"), bytes);
    else write_file(path(name), bytes);
  }
  void expect_bad(const std::string& dir, const std::vector<std::string>& texts) {
    expect_error([&] { open_data({"mnist", path(dir), 32, true}); }, texts);
  }
};

TEST_F(IdxFiles, PlainAndGzip) {
  for (const bool gzip : {false, true})
    for (const std::string& name : {std::string("mnist"), std::string("fashion-mnist")}) {
      const std::string dir = gzip ? "packed" : "plain";
      write_all(dir, gzip);
      const DataSource source = open_data({name, path(dir), 32, true});
      EXPECT_EQ(source.name, name);
      EXPECT_EQ(source.classes, 10);
      ASSERT_EQ(source.class_names.size(), 10u);
      EXPECT_EQ(source.class_names[9], name == "mnist" ? "9" : "ankle boot");
      ASSERT_EQ(source.train->size(), 5);
      EXPECT_EQ(source.train->height(), 3);
      EXPECT_EQ(source.train->width(), 4);
      EXPECT_EQ(source.train->channels(), 1);
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(source.train->label(i), kLabels[size_t(i)]);
        EXPECT_EQ(record_of(*source.train, i), Bytes(kPixels.begin() + i * 12, kPixels.begin() + i * 12 + 12));
      }
      ASSERT_EQ(source.test->size(), 2);
      EXPECT_EQ(source.test->label(0), 8);
    }
}

TEST_F(IdxFiles, TestPartAlone) {
  write("d/t10k-images-idx3-ubyte", idx_images(2, 3, 4, pattern(24, 2)), false);
  write("d/t10k-labels-idx1-ubyte", idx_labels(2, {8, 1}), true);
  const DataSource source = open_data({"mnist", path("d"), 32, false});
  EXPECT_EQ(source.train, nullptr);
  EXPECT_EQ(source.test->size(), 2);
  expect_bad("d", {path("d/train-images-idx3-ubyte") + ": not found", "train-images-idx3-ubyte.gz"});
}

TEST_F(IdxFiles, NamesTheBadFile) {
  expect_bad("none", {path("none") + ": not found, expected a folder with"});
  write_all("d", false);
  write("d/train-labels-idx1-ubyte", idx_labels(4, {1, 2, 3, 4}), false);
  expect_bad("d", {path("d/train-labels-idx1-ubyte") + ": found 4 labels, expected 5, the number of images of",
                   path("d/train-images-idx3-ubyte")});
  write_all("d", false);
  write("d/t10k-images-idx3-ubyte", idx_images(2, 4, 3, pattern(24, 2)), false);
  expect_bad("d", {path("d") + ": found test images of 4x3, expected 3x4"});
  write("d/t10k-images-idx3-ubyte", idx_images(2, 3, 4, pattern(30, 2)), false);
  expect_bad("d", {path("d/t10k-images-idx3-ubyte"), "expected 40", "trailing bytes"});
  std::filesystem::remove(path("d/t10k-images-idx3-ubyte"));
  std::filesystem::create_directory(path("d/t10k-images-idx3-ubyte"));
  expect_bad("d", {path("d/t10k-images-idx3-ubyte") + ": cannot read: Is a directory"});
}

TEST_F(IdxFiles, DamagedGzip) {
  write_all("d", true);
  const std::string file = path("d/train-images-idx3-ubyte.gz");
  const Bytes good = read_file(file);
  for (const size_t size : {good.size() - 1, good.size() - 9, good.size() / 2}) {
    write_file(file, std::span(good).first(size));
    expect_bad("d", {file, "expected"});
  }
  Bytes wrong_sum = good;
  wrong_sum[good.size() - 6] ^= 1;
  write_file(file, wrong_sum);
  expect_bad("d", {file + ": found truncated or damaged gzip data", "expected a whole gzip file"});
  write_file(file, "");
  expect_bad("d", {file + ": found 0 bytes, expected at least 16"});
}

TEST_F(IdxFiles, UnpacksNoMoreThanTheHeaderSays) {
  Bytes bomb = idx_images(5, 3, 4, kPixels);
  bomb.resize(size_t{64} << 20);
  write_all("d", true);
  write("d/train-images-idx3-ubyte", bomb, true);
  expect_bad("d", {"found at least 77 bytes, expected 76 for 5 images of 3x4"});
  EXPECT_EQ(read_plain_or_gzip(path("d/train-images-idx3-ubyte.gz"), 1000).size(), 1000u);
}

}  // namespace
}  // namespace subbyte
