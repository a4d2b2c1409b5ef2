// The folders and archives in which the CIFAR sets come.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "data/archive.h"
#include "data/cifar.h"
#include "data/paths.h"
#include "data/readers.h"

namespace subbyte {
namespace {

namespace fs = std::filesystem;

struct Layout {
  std::string folder, archive;
  std::vector<std::string> train;
  std::string test, names;
};

Layout layout_of(Cifar kind) {
  if (kind == Cifar::hundred)
    return {"cifar-100-binary", "cifar-100-binary.tar.gz", {"train.bin"}, "test.bin", "fine_label_names.txt"};
  return {"cifar-10-batches-bin",
          "cifar-10-binary.tar.gz",
          {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
          "test_batch.bin",
          "batches.meta.txt"};
}

/// The wanted files that are there, by name, and where they come from.
struct Files {
  std::string place;
  std::map<std::string, std::vector<uint8_t>> bytes;
};

Files read_folder(const fs::path& folder, const std::vector<std::string>& wanted) {
  Files files{folder.string(), {}};
  for (const std::string& name : wanted)
    if (path_exists(folder / name)) files.bytes[name] = read_file((folder / name).string());
  return files;
}

Files read_files(const fs::path& dir, const Layout& layout, const std::vector<std::string>& wanted) {
  if (!is_folder(dir)) return {dir.string(), read_archive(dir.string(), wanted)};
  if (is_folder(dir / layout.folder)) return read_folder(dir / layout.folder, wanted);
  const bool unpacked = path_exists(dir / layout.test) || path_exists(dir / layout.train[0]);
  if (!unpacked && path_exists(dir / layout.archive)) {
    const std::string path = (dir / layout.archive).string();
    return {path, read_archive(path, wanted)};
  }
  if (!unpacked)
    throw Error(fmt::format("{}: found none of {}, {}/ and {}, expected one of them", dir.string(), layout.test,
                            layout.folder, layout.archive));
  return read_folder(dir, wanted);
}

std::shared_ptr<const Dataset> parse_part(Files& files, const std::vector<std::string>& names, Cifar kind) {
  LabelledImages images;
  size_t total = 0;
  for (const std::string& name : names) {
    const auto file = files.bytes.find(name);
    if (file == files.bytes.end())
      throw Error(fmt::format("{}: {} not found, expected it with the other files", files.place, name));
    total += file->second.size();
  }
  images.pixels.reserve(total);
  for (const std::string& name : names) {
    parse_cifar(files.bytes[name], files.place + "/" + name, kind, images);
    files.bytes.erase(name);  // the bytes are no longer needed beside the images
  }
  return make_memory_dataset(std::move(images));
}

}  // namespace

DataSource open_cifar(const DataOptions& options) {
  const Cifar kind = options.name == "cifar100" ? Cifar::hundred : Cifar::ten;
  const Layout layout = layout_of(kind);
  const std::string dir = require_dir(options, fmt::format("a folder with {}/ or {}", layout.folder, layout.archive));
  std::vector<std::string> wanted = {layout.test, layout.names};
  if (options.need_train) wanted.insert(wanted.end(), layout.train.begin(), layout.train.end());

  DataSource source{options.name, cifar_classes(kind), cifar_names(kind), nullptr, nullptr};
  Files files = read_files(dir, layout, wanted);
  if (const auto names = files.bytes.find(layout.names); names != files.bytes.end())
    source.class_names = parse_cifar_names({reinterpret_cast<const char*>(names->second.data()), names->second.size()},
                                           files.place + "/" + layout.names, kind);
  if (options.need_train) source.train = parse_part(files, layout.train, kind);
  source.test = parse_part(files, {layout.test}, kind);
  return source;
}

}  // namespace subbyte
