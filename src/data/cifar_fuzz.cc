// CIFAR: records, lists of names, and archives whose members and tar headers are drawn.
#include <cstring>
#include <map>

#include "data/cifar.h"
#include "data/dataset.h"
#include "data/fuzz_gzip.h"

using namespace subbyte;

namespace {

constexpr size_t kTarBlock = 512;
const char* const kNames[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",  "data_batch_4.bin",
                              "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt",  "train.bin",
                              "test.bin",         "README",           "fine_label_names.txt"};

/// A few records, of a size that may be wrong, with drawn labels.
fuzz::Bytes records(fuzz::Choices& choices, Cifar kind) {
  const size_t record = cifar_record(kind), count = choices.below(4);
  fuzz::Bytes bytes(count * record, choices.byte());
  for (size_t i = 0; i < count; ++i)
    for (size_t label = 0; label + 3072 < record; ++label) bytes[i * record + label] = choices.byte();
  if (const unsigned odd = choices.byte(); odd > 200) bytes.resize(bytes.size() + odd - 200);
  return bytes;
}

fuzz::Bytes names(fuzz::Choices& choices, Cifar kind) {
  const fuzz::Bytes drawn = choices.some();
  std::string text(drawn.begin(), drawn.end());
  for (int i = cifar_classes(kind) - int(choices.below(3)); i > 0; --i) text += "name" + std::to_string(i) + "\n";
  return {text.begin(), text.end()};
}

void append_member(fuzz::Bytes& tar, const std::string& name, const fuzz::Bytes& content, fuzz::Choices& choices) {
  char header[kTarBlock] = {};
  std::snprintf(header, 100, "%s", name.c_str());
  std::snprintf(header + 100, 8, "%07o", 0644u);
  std::snprintf(header + 124, 12, "%011o", unsigned(content.size()));
  header[156] = '0';
  std::memcpy(header + 257, "ustar\00000", 8);
  for (unsigned changes = choices.byte() < 200 ? 0 : 1 + choices.below(8); changes > 0; --changes)
    header[choices.word() % kTarBlock] = char(choices.byte());
  unsigned sum = 8 * ' ';
  for (size_t i = 0; i < kTarBlock; ++i)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
  std::snprintf(header + 148, 8, "%06o", sum);
  tar.insert(tar.end(), header, header + kTarBlock);
  tar.insert(tar.end(), content.begin(), content.end());
  tar.resize((tar.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
}

fuzz::Bytes archive(fuzz::Choices& choices, Cifar kind) {
  fuzz::Bytes tar;
  for (int member = 0; member < 12 && !choices.empty(); ++member) {
    const std::string name = kNames[choices.below(std::size(kNames))];
    const bool list = name.find(".txt") != std::string::npos;
    const std::string folder = choices.flag() ? "folder/" : "";
    const fuzz::Bytes content = list ? names(choices, kind) : records(choices, kind);
    append_member(tar, folder + name, content, choices);
  }
  tar.resize(tar.size() + choices.below(3) * kTarBlock);
  return tar;
}

void check_archive(fuzz::Choices choices) {
  const Cifar kind = choices.flag() ? Cifar::hundred : Cifar::ten;
  const bool packed = choices.flag(), raw = choices.byte() > 200, need_train = choices.flag();
  const unsigned how = choices.byte() < 200 ? 0 : choices.byte(), where = choices.word();
  const uint8_t value = choices.byte();
  fuzz::Bytes file = raw ? choices.rest() : archive(choices, kind);
  if (packed) file = fuzz::gzip(file);
  fuzz::damage(file, how, where, value);
  const fuzz::MemoryFile memory(file);
  fuzz::accepts([&] {
    const DataSource source =
        open_data({kind == Cifar::ten ? "cifar10" : "cifar100", memory.path(), 32, need_train});
    fuzz::require(int(source.class_names.size()) == cifar_classes(kind) && (source.train != nullptr) == need_train);
    fuzz::Bytes pixels(3072);
    for (const auto& part : {source.train, source.test})
      for (int64_t i = 0; part != nullptr && i < part->size(); ++i) {
        fuzz::require(part->label(i) >= 0 && part->label(i) < cifar_classes(kind));
        part->read(i, pixels.data());
      }
  });
}

void check_records(fuzz::Choices choices) {
  const Cifar kind = choices.flag() ? Cifar::hundred : Cifar::ten;
  const fuzz::Bytes bytes = choices.flag() ? choices.rest() : records(choices, kind);
  LabelledImages images;
  if (!fuzz::accepts([&] { parse_cifar(bytes, "input", kind, images); })) return;
  const size_t record = cifar_record(kind), labels = record - 3072;
  fuzz::require(images.labels.size() * record == bytes.size() && images.pixels.size() == images.labels.size() * 3072);
  for (size_t i = 0; i < images.labels.size(); ++i) {
    fuzz::require(images.labels[i] == bytes[i * record + labels - 1]);
    for (size_t p = 0; p < 3072; ++p)
      fuzz::require(images.pixels[i * 3072 + p] == bytes[i * record + labels + p % 3 * 1024 + p / 3]);
  }
}

void check_names(fuzz::Choices choices) {
  const Cifar kind = choices.flag() ? Cifar::hundred : Cifar::ten;
  const fuzz::Bytes bytes = choices.flag() ? choices.rest() : names(choices, kind);
  fuzz::accepts([&] {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const std::string& name : parse_cifar_names(text, "input", kind))
      fuzz::require(!name.empty() && name.find('\n') == std::string::npos);
  });
}

/// A whole CIFAR-10 archive as choices, packed or not.
fuzz::Bytes example(fuzz::Dice& dice) {
  fuzz::Bytes input = {0, 0, uint8_t(dice.roll(2)), 0, uint8_t(dice.roll(2)), 0, 0, 0, 0};
  for (uint8_t member = 0; member < 6; ++member)
    input.insert(input.end(), {member, 1, 1, uint8_t(dice.roll(256)), uint8_t(dice.roll(10)), 0, 0});
  if (dice.roll(2) == 0) input.insert(input.end(), {6, 1, 0, 0, 0});
  return input;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_or_replace(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Choices choices({data, size});
  const unsigned what = choices.below(4);
  if (what == 1) check_records(choices);
  else if (what == 2) check_names(choices);
  else check_archive(choices);
  return 0;
}
