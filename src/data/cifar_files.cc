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

/// The wanted files that are there, and where they come from. Each is parsed when it has been read, so that the bytes of only
/// one stand beside the images.
struct Files {
  std::string place;
  std::map<std::string, LabelledImages> images;
  std::vector<std::string> class_names;
};

class FilesReader {
 public:
  FilesReader(const Layout& layout, Cifar kind, const std::vector<std::string>& wanted)
      : layout_(layout), kind_(kind), wanted_(wanted) {}

  Files read(const fs::path& dir) {
    if (!is_folder(dir)) return archive(dir);
    if (is_folder(dir / layout_.folder)) return folder(dir / layout_.folder);
    const bool unpacked = path_exists(dir / layout_.test) || path_exists(dir / layout_.train[0]);
    if (!unpacked && path_exists(dir / layout_.archive)) return archive(dir / layout_.archive);
    if (!unpacked)
      throw Error(fmt::format("{}: found none of {}, {}/ and {}, expected one of them", dir.string(), layout_.test,
                              layout_.folder, layout_.archive));
    return folder(dir);
  }

 private:
  Files folder(const fs::path& path) {
    files_.place = path.string();
    for (const std::string& name : wanted_)
      if (path_exists(path / name)) take(name, read_file((path / name).string()));
    return std::move(files_);
  }

  Files archive(const fs::path& path) {
    files_.place = path.string();
    read_archive(path.string(), wanted_, [this](const std::string& name, std::vector<uint8_t> bytes) { take(name, bytes); });
    return std::move(files_);
  }

  void take(const std::string& name, const std::vector<uint8_t>& bytes) {
    const std::string file = files_.place + "/" + name;
    if (name == layout_.names)
      files_.class_names = parse_cifar_names({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file, kind_);
    else
      parse_cifar(bytes, file, kind_, files_.images[name]);
  }

  const Layout& layout_;
  Cifar kind_;
  const std::vector<std::string>& wanted_;
  Files files_;
};

std::shared_ptr<const Dataset> join_part(Files& files, const std::vector<std::string>& names) {
  std::vector<LabelledImages> parts;
  for (const std::string& name : names) {
    const auto file = files.images.find(name);
    if (file == files.images.end())
      throw Error(fmt::format("{}: {} not found, expected it with the other files", files.place, name));
    parts.push_back(std::move(file->second));
  }
  return join_memory_dataset(std::move(parts));
}

}  // namespace

DataSource open_cifar(const DataOptions& options) {
  const Cifar kind = options.name == "cifar100" ? Cifar::hundred : Cifar::ten;
  const Layout layout = layout_of(kind);
  const std::string dir = require_dir(options, fmt::format("a folder with {}/ or {}", layout.folder, layout.archive));
  std::vector<std::string> wanted = {layout.test, layout.names};
  if (options.need_train) wanted.insert(wanted.end(), layout.train.begin(), layout.train.end());

  DataSource source{options.name, cifar_classes(kind), cifar_names(kind), nullptr, nullptr};
  Files files = FilesReader(layout, kind, wanted).read(dir);
  if (!files.class_names.empty()) source.class_names = files.class_names;
  if (options.need_train) source.train = join_part(files, layout.train);
  source.test = join_part(files, {layout.test});
  return source;
}

}  // namespace subbyte
