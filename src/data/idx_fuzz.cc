// IDX files, plain or gzip: any two files give the records that their bytes say, or an Error.
#include <filesystem>

#include "data/dataset.h"
#include "data/fuzz_gzip.h"
#include "data/idx.h"

using namespace subbyte;

namespace {

/// The folder that open_data() reads, with links to files in memory; removed at the end.
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "subbyte-fuzz-XXXXXX").string();
  fuzz::MemoryFile images, labels;
  Folder() {
    fuzz::require(::mkdtemp(path.data()) != nullptr);
    std::filesystem::create_symlink(images.path(), path + "/t10k-images-idx3-ubyte");
    std::filesystem::create_symlink(labels.path(), path + "/t10k-labels-idx1-ubyte");
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

void append_word(fuzz::Bytes& bytes, unsigned word) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(uint8_t(word >> shift));
}

/// Packing and damage of both files, the size of the first one, then both.
fuzz::Bytes example(fuzz::Dice& dice) {
  const unsigned count = 1 + dice.roll(8), height = 1 + dice.roll(8), width = 1 + dice.roll(8);
  fuzz::Bytes images, labels;
  for (unsigned word : {2051u, count, height, width}) append_word(images, word);
  for (unsigned i = 0; i < count * height * width; ++i) images.push_back(uint8_t(i));
  for (unsigned word : {2049u, count}) append_word(labels, word);
  for (unsigned i = 0; i < count; ++i) labels.push_back(uint8_t(i));
  fuzz::Bytes input = {uint8_t(dice.roll(4)), 0, 0, 0, 0, uint8_t(images.size() >> 8), uint8_t(images.size())};
  input.insert(input.end(), images.begin(), images.end());
  input.insert(input.end(), labels.begin(), labels.end());
  return input;
}

/// The word at `index`, as the format's description says it.
uint64_t word(const fuzz::Bytes& bytes, size_t index) {
  uint64_t value = 0;
  for (size_t i = 4 * index; i < 4 * index + 4; ++i) value = value * 256 + bytes.at(i);
  return value;
}

void check(const Dataset& data, const fuzz::Bytes& images, const fuzz::Bytes& labels) {
  const uint64_t count = word(images, 1), height = word(images, 2), width = word(images, 3);
  fuzz::require(word(images, 0) == 2051 && word(labels, 0) == 2049 && word(labels, 1) == count);
  fuzz::require(images.size() == 16 + count * height * width && labels.size() == 8 + count);
  fuzz::require(data.size() == int64_t(count) && data.height() == int(height) && data.width() == int(width));
  fuzz::Bytes pixels(height * width);
  for (uint64_t i = 0; i < count; ++i) {
    fuzz::require(labels[8 + i] < 10 && data.label(int64_t(i)) == labels[8 + i]);
    data.read(int64_t(i), pixels.data());
    fuzz::require(std::equal(pixels.begin(), pixels.end(), images.begin() + std::ptrdiff_t(16 + i * pixels.size())));
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_or_replace(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Folder folder;
  fuzz::Choices choices({data, size});
  const unsigned flags = choices.byte(), where = choices.word(), value = choices.word();
  const fuzz::Bytes images = choices.take(choices.word()), labels = choices.rest();
  fuzz::Bytes images_file = flags & 1 ? fuzz::gzip(images) : images;
  fuzz::Bytes labels_file = flags & 2 ? fuzz::gzip(labels) : labels;
  fuzz::damage(flags & 16 ? labels_file : images_file, flags >> 2, where, uint8_t(value));
  folder.images.write(images_file);
  folder.labels.write(labels_file);

  DataSource source;
  if (!fuzz::accepts([&] { source = open_data({"mnist", folder.path, 32, false}); })) return 0;
  if ((flags >> 2) % 4 == 0 && images.size() > 1 && labels.size() > 1) check(*source.test, images, labels);
  return 0;
}
