#include "data/cifar.h"

#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>

#include "data/test_files.h"

namespace subbyte {
namespace {

constexpr int kPlane = 1024;

Bytes cifar_file(Cifar kind, const Bytes& labels, int seed) {
  Bytes bytes;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (kind == Cifar::hundred) bytes.push_back(uint8_t(labels[i] / 5));
    bytes.push_back(labels[i]);
    const Bytes planes = pattern(3 * kPlane, seed + int(i));
    bytes.insert(bytes.end(), planes.begin(), planes.end());
  }
  return bytes;
}

Bytes interleaved(const Bytes& planes) {
  Bytes pixels;
  for (int p = 0; p < kPlane; ++p)
    for (int c = 0; c < 3; ++c) pixels.push_back(planes[size_t(c * kPlane + p)]);
  return pixels;
}

const std::string kTenNames = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\nlorry\n\n";

std::map<std::string, Bytes> ten_files(const std::string& prefix) {
  std::map<std::string, Bytes> files;
  for (int i = 1; i <= 5; ++i)
    files[prefix + "data_batch_" + std::to_string(i) + ".bin"] = cifar_file(Cifar::ten, {uint8_t(i), 0}, 10 * i);
  files[prefix + "test_batch.bin"] = cifar_file(Cifar::ten, {9, 8, 7}, 90);
  files[prefix + "batches.meta.txt"] = Bytes(kTenNames.begin(), kTenNames.end());
  return files;
}

std::map<std::string, Bytes> hundred_files(const std::string& prefix) {
  return {{prefix + "train.bin", cifar_file(Cifar::hundred, {99, 0, 50}, 1)},
          {prefix + "test.bin", cifar_file(Cifar::hundred, {98}, 2)}};
}

TEST(Cifar, PlanesBecomePixels) {
  for (const Cifar kind : {Cifar::ten, Cifar::hundred}) {
    LabelledImages images;
    parse_cifar(cifar_file(kind, {1, 9}, 5), "x", kind, images);
    parse_cifar(cifar_file(kind, {4}, 7), "x", kind, images);
    EXPECT_EQ(images.labels, (std::vector<int32_t>{1, 9, 4}));
    EXPECT_EQ(images.height, 32);
    EXPECT_EQ(images.width, 32);
    EXPECT_EQ(images.channels, 3);
    Bytes expected;
    for (const int seed : {5, 6, 7}) {
      const Bytes pixels = interleaved(pattern(3 * kPlane, seed));
      expected.insert(expected.end(), pixels.begin(), pixels.end());
    }
    EXPECT_EQ(images.pixels, expected);
  }
}

TEST(Cifar, RefusesBadFiles) {
  const auto bad = [](Cifar kind, const Bytes& bytes, const std::vector<std::string>& texts) {
    LabelledImages images;
    expect_error([&] { parse_cifar(bytes, "dir/file", kind, images); }, texts);
  };
  const Bytes ten = cifar_file(Cifar::ten, {1, 2}, 1), hundred = cifar_file(Cifar::hundred, {1, 2}, 1);
  bad(Cifar::ten, {}, {"dir/file: found 0 bytes, expected a whole number of records of 3073 bytes (CIFAR-10 binary)"});
  bad(Cifar::ten, {ten.begin(), ten.end() - 1}, {"found 6145 bytes, expected a whole number of records of 3073 bytes"});
  bad(Cifar::hundred, ten, {"found 6146 bytes, expected a whole number of records of 3074 bytes (CIFAR-100 binary)"});
  bad(Cifar::ten, cifar_file(Cifar::ten, {1, 10}, 1), {"dir/file: record 1: found label 10, expected 0 to 9"});
  bad(Cifar::hundred, cifar_file(Cifar::hundred, {1, 2, 99, 100}, 1), {"record 3: found coarse label 20, expected 0 to 19"});
  Bytes fine = hundred;
  fine[1] = 100;
  bad(Cifar::hundred, fine, {"record 0: found label 100, expected 0 to 99"});
}

TEST(Cifar, OnlyWholeRecordsAreRead) {
  EXPECT_TRUE(rc::check("a file is read where its size is a multiple of the record", [] {
    const size_t odd = *rc::gen::element<size_t>(0, 0, 1, 2, 3072);
    const Bytes bytes(size_t(*rc::gen::inRange(0, 4)) * 3073 + odd, 3);
    LabelledImages images;
    if (bytes.empty() || bytes.size() % 3073 != 0) {
      RC_ASSERT_THROWS_AS(parse_cifar(bytes, "x", Cifar::ten, images), Error);
      RC_ASSERT(images.labels.empty());
    } else {
      parse_cifar(bytes, "x", Cifar::ten, images);
      RC_ASSERT(images.labels.size() * 3073 == bytes.size());
    }
  }));
}

TEST(Cifar, Names) {
  EXPECT_EQ(cifar_names(Cifar::ten).size(), 10u);
  EXPECT_EQ(cifar_names(Cifar::hundred).size(), 100u);
  EXPECT_TRUE(std::is_sorted(cifar_names(Cifar::hundred).begin(), cifar_names(Cifar::hundred).end()));
  EXPECT_EQ(parse_cifar_names("a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj", "x", Cifar::ten).front(), "a");
  expect_error([] { parse_cifar_names("a\nb\n", "dir/file", Cifar::ten); },
               {"dir/file: found 2 lines, expected 10 class names"});
  expect_error([] { parse_cifar_names("a\nb\n\nd\ne\nf\ng\nh\ni\nj\n", "x", Cifar::ten); },
               {"x: found 10 lines, some blank, expected 10 class names"});
}

class CifarFiles : public FilesTest {
 protected:
  void write_folder(const std::string& dir, const std::map<std::string, Bytes>& files) {
    for (const auto& [name, bytes] : files) write_file(path(dir + "/" + name), bytes);
  }
  static void check_ten(const DataSource& source) {
    EXPECT_EQ(source.classes, 10);
    EXPECT_EQ(source.class_names.at(9), "lorry");  // of the meta file, not of the list
    ASSERT_EQ(source.train->size(), 10);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(source.train->label(i), i % 2 == 0 ? i / 2 + 1 : 0);
      EXPECT_EQ(record_of(*source.train, i), interleaved(pattern(3 * kPlane, 10 * (i / 2 + 1) + i % 2)));
    }
    ASSERT_EQ(source.test->size(), 3);
    EXPECT_EQ(source.test->label(2), 7);
  }
  void expect_bad(const std::string& dir, const std::vector<std::string>& texts) {
    expect_error([&] { open_data({"cifar10", path(dir), 32, true}); }, texts);
  }
};

TEST_F(CifarFiles, EveryPlace) {
  write_folder("flat", ten_files(""));
  check_ten(open_data({"cifar10", path("flat"), 32, true}));
  write_folder("nested", ten_files("cifar-10-batches-bin/"));
  check_ten(open_data({"cifar10", path("nested"), 32, true}));
  write_tar_gz(path("packed/cifar-10-binary.tar.gz"), ten_files("cifar-10-batches-bin/"));
  check_ten(open_data({"cifar10", path("packed"), 32, true}));
  check_ten(open_data({"cifar10", path("packed/cifar-10-binary.tar.gz"), 32, true}));

  write_folder("hundred", hundred_files("cifar-100-binary/"));
  write_tar_gz(path("hundred.tar.gz"), hundred_files("cifar-100-binary/"));
  for (const char* place : {"hundred", "hundred/cifar-100-binary", "hundred.tar.gz"}) {
    const DataSource source = open_data({"cifar100", path(place), 32, true});
    EXPECT_EQ(source.classes, 100);
    EXPECT_EQ(source.class_names.at(99), "worm");
    ASSERT_EQ(source.train->size(), 3);
    EXPECT_EQ(source.train->label(0), 99);
    EXPECT_EQ(record_of(*source.train, 2), interleaved(pattern(3 * kPlane, 3)));
    EXPECT_EQ(source.test->label(0), 98);
  }
}

TEST_F(CifarFiles, TestPartAlone) {
  write_folder("d", {{"test_batch.bin", cifar_file(Cifar::ten, {9, 8, 7}, 90)}});
  const DataSource source = open_data({"cifar10", path("d"), 32, false});
  EXPECT_EQ(source.train, nullptr);
  EXPECT_EQ(source.test->size(), 3);
  EXPECT_EQ(source.class_names.at(9), "truck");
  expect_bad("d", {path("d") + ": data_batch_1.bin not found, expected it with the other files"});
}

TEST_F(CifarFiles, NamesTheBadFile) {
  expect_error<UsageError>([] { open_data({"cifar10", "", 32, true}); },
                           {"data.dir: not set", "cifar-10-binary.tar.gz", "'cifar10'"});
  expect_bad("none", {path("none") + ": not found, expected a folder with cifar-10-batches-bin/"});
  std::filesystem::create_directory(path("empty"));
  expect_bad("empty", {path("empty") + ": found none of test_batch.bin, cifar-10-batches-bin/"});
  auto files = ten_files("");
  files["data_batch_3.bin"].pop_back();
  write_folder("d", files);
  expect_bad("d", {path("d/data_batch_3.bin") + ": found 6145 bytes, expected"});
  files["data_batch_3.bin"] = cifar_file(Cifar::ten, {0, 77}, 1);
  write_tar_gz(path("e.tar.gz"), files);
  expect_bad("e.tar.gz", {path("e.tar.gz") + "/data_batch_3.bin: record 1: found label 77, expected 0 to 9"});
  files.erase("data_batch_3.bin");
  write_tar_gz(path("e.tar.gz"), files);
  expect_bad("e.tar.gz", {path("e.tar.gz") + ": data_batch_3.bin not found"});
  write_folder("f", ten_files(""));
  write_file(path("f/batches.meta.txt"), "one\ntwo\n");
  expect_bad("f", {path("f/batches.meta.txt") + ": found 2 lines, expected 10 class names"});
}

TEST_F(CifarFiles, DamagedArchive) {
  const std::string file = path("c.tar.gz");
  write_tar_gz(file, ten_files(""));
  const Bytes good = read_file(file);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{20}, good.size() / 3, good.size() * 2 / 3}) {
    write_file(file, std::span(good).first(size));
    expect_bad("c.tar.gz", {file, "expected"});
  }
  Bytes damaged = good;
  for (size_t i = good.size() / 2; i < good.size() / 2 + 40; ++i) damaged[i] ^= 0x55;
  write_file(file, damaged);
  expect_bad("c.tar.gz", {file, "expected"});
  write_file(file, "this is not an archive");
  expect_bad("c.tar.gz", {file + ": cannot read, expected a whole .tar.gz archive"});
}

TEST_F(CifarFiles, ArchiveThatUnpacksToTooMuch) {
  // A tar header that claims 4 GiB: refused before anything is unpacked.
  Bytes header(512);
  const auto put = [&](size_t at, const std::string& text) { std::memcpy(header.data() + at, text.data(), text.size()); };
  put(0, "big.bin");
  put(100, "0000644");
  put(124, "40000000000");
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0" "00", 8));
  unsigned sum = 0;
  for (uint8_t byte : header) sum += byte;
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  put(148, text);
  header.resize(4096);
  write_gzip(path("big.tar.gz"), header);
  expect_bad("big.tar.gz", {path("big.tar.gz") + ": found members of more than 2147483648 bytes"});
}

}  // namespace
}  // namespace subbyte
