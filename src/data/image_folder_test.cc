#include <string>
#include <thread>

#include "data/test_files.h"

namespace subbyte {
namespace {

class ImageFolder : public FilesTest {
 protected:
  void png(const std::string& name, const Bytes& pixel) { write_png(path(name), 9, 5, PNG_FORMAT_RGB, filled(9, 5, pixel)); }
  void jpeg(const std::string& name, const Bytes& pixel) { write_jpeg(path(name), 16, 16, 3, filled(16, 16, pixel)); }
  DataSource open(const std::string& dir, bool need_train = true) {
    return open_data({"images", path(dir), 8, need_train});
  }
  void expect_bad(const std::string& dir, const std::vector<std::string>& texts) {
    expect_error([&] { open(dir); }, texts);
  }
  /// Two classes in train, one image of each in `part`.
  void write_set(const std::string& dir, const std::string& part) {
    png(dir + "/train/cat/b.png", {10, 20, 30});
    jpeg(dir + "/train/cat/a.JPG", {100, 100, 100});
    png(dir + "/train/ant/1.png", {1, 2, 3});
    write_file(path(dir + "/train/cat/notes.txt"), "not an image");
    write_file(path(dir + "/train/cat/.hidden.png"), "not an image");
    png(dir + "/" + part + "/ant/x.png", {5, 5, 5});
    jpeg(dir + "/" + part + "/cat/x.jpeg", {9, 9, 9});
  }
};

TEST_F(ImageFolder, SortedClassesAndFiles) {
  for (const char* part : {"test", "val"}) {
    write_set(part, part);
    const DataSource source = open(part);
    EXPECT_EQ(source.classes, 2);
    EXPECT_EQ(source.class_names, (std::vector<std::string>{"ant", "cat"}));
    ASSERT_EQ(source.train->size(), 3);
    EXPECT_EQ(source.train->height(), 8);
    EXPECT_EQ(source.train->width(), 8);
    EXPECT_EQ(source.train->channels(), 3);
    EXPECT_EQ(source.train->label(0), 0);
    EXPECT_EQ(source.train->label(1), 1);
    EXPECT_EQ(source.train->label(2), 1);
    EXPECT_EQ(record_of(*source.train, 0), filled(8, 8, {1, 2, 3}));
    EXPECT_NEAR(record_of(*source.train, 1)[0], 100, 2);  // a.JPG before b.png
    EXPECT_EQ(record_of(*source.train, 2), filled(8, 8, {10, 20, 30}));
    ASSERT_NE(source.test, nullptr);
    EXPECT_EQ(source.test->size(), 2);
    EXPECT_EQ(source.test->label(1), 1);

    const DataSource test_only = open(part, false);
    EXPECT_EQ(test_only.train, nullptr);
    EXPECT_EQ(test_only.test->size(), 2);
  }
}

TEST_F(ImageFolder, ClassesWithoutParts) {
  png("d/cat/1.png", {1, 1, 1});
  png("d/ant/1.png", {2, 2, 2});
  const DataSource source = open("d");
  EXPECT_EQ(source.train->size(), 2);
  EXPECT_EQ(source.test, nullptr);
  EXPECT_EQ(source.classes, 2);
}

TEST_F(ImageFolder, TestFolderAlone) {
  png("d/test/cat/1.png", {1, 1, 1});
  png("d/test/ant/1.png", {2, 2, 2});
  const DataSource source = open("d", false);
  EXPECT_EQ(source.test->size(), 2);
  EXPECT_EQ(source.class_names, (std::vector<std::string>{"ant", "cat"}));
  expect_bad("d", {path("d") + ": found no train folder, expected it beside test"});
}

/// A test folder without some class keeps the numbers of training.
TEST_F(ImageFolder, TestWithFewerClasses) {
  write_set("d", "test");
  std::filesystem::remove_all(path("d/test/ant"));
  const DataSource source = open("d");
  ASSERT_EQ(source.test->size(), 1);
  EXPECT_EQ(source.test->label(0), 1);
}

TEST_F(ImageFolder, RefusesBadFolders) {
  expect_bad("none", {path("none") + ": not found, expected a folder with train/CLASS/"});
  std::filesystem::create_directory(path("empty"));
  expect_bad("empty", {path("empty") + ": found 0 class folders, expected at least 2"});
  write_file(path("file"), "x");
  expect_bad("file", {path("file") + ": found a file, expected a folder of images"});
  png("one/train/cat/1.png", {1, 1, 1});
  expect_bad("one", {path("one/train") + ": found 1 class folders, expected at least 2"});
  std::filesystem::create_directories(path("one/train/dog"));
  expect_bad("one", {path("one/train/dog") + ": found no images, expected .jpg, .jpeg or .png files"});
  write_set("d", "test");
  png("d/test/cut/1.png", {1, 1, 1});
  expect_bad("d", {path("d/test") + ": found class folder 'cut', expected one of the 2 classes of training",
                   "did you mean 'cat'?"});
  std::filesystem::remove_all(path("d/test"));
  std::filesystem::create_directory(path("d/test"));
  expect_bad("d", {path("d/test") + ": found no class folders"});
  expect_error<UsageError>([&] { open_data({"images", path("d"), 0, true}); }, {"data.image_size: found 0"});
  expect_error<UsageError>([] { open_data({"images", "", 32, true}); }, {"data.dir: not set"});
}

TEST_F(ImageFolder, DamagedImagesAreNamedWhenRead) {
  write_set("d", "test");
  const std::string file = path("d/train/ant/1.png");
  const Bytes good = read_file(file);
  write_file(file, std::span(good).first(good.size() / 2));
  const DataSource source = open("d");
  expect_error([&] { record_of(*source.train, 0); }, {file + ": found truncated or damaged PNG data"});
  EXPECT_EQ(record_of(*source.train, 2), filled(8, 8, {10, 20, 30}));
}

TEST_F(ImageFolder, ReadsFromSeveralThreads) {
  write_set("d", "test");
  const DataSource source = open("d");
  std::vector<Bytes> expected, found(4 * 3);
  for (int i = 0; i < 3; ++i) expected.push_back(record_of(*source.train, i));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 3; ++i) found[3 * t + i] = record_of(*source.train, int64_t(i));
    });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i % 3]);
}

}  // namespace
}  // namespace subbyte
