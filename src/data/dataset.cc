#include "data/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/names.h"
#include "data/readers.h"

namespace subbyte {
namespace {

struct Known {
  DataEntry entry;
  DataSource (*open)(const DataOptions&);
};

const std::vector<Known>& known_formats() {
  static const std::vector<Known> list = {
      {{"fashion-mnist", "60,000 + 10,000 grey 28x28 images of clothes, 10 classes (IDX files, plain or .gz)"}, open_idx},
      {{"mnist", "60,000 + 10,000 grey 28x28 images of digits, 10 classes (IDX files, plain or .gz)"}, open_idx},
      {{"cifar10", "50,000 + 10,000 colour 32x32 images, 10 classes (binary files or their .tar.gz)"}, open_cifar},
      {{"cifar100", "50,000 + 10,000 colour 32x32 images, 100 classes (binary files or their .tar.gz)"}, open_cifar},
      {{"images", "PNG and JPEG files in DIR/train/CLASS/ and DIR/test/CLASS/, or in DIR/CLASS/"}, open_images}};
  return list;
}

}  // namespace

const std::vector<DataEntry>& data_list() {
  static const std::vector<DataEntry> entries = [] {
    std::vector<DataEntry> all;
    for (const Known& format : known_formats()) all.push_back(format.entry);
    return all;
  }();
  return entries;
}

DataSource open_data(const DataOptions& options) {
  std::vector<std::string> names;
  for (const Known& format : known_formats()) {
    if (format.entry.name == options.name) return format.open(options);
    names.push_back(format.entry.name);
  }
  throw UsageError(fmt::format("data.name: found '{}', expected {}{}", options.name, fmt::join(names, ", "),
                               did_you_mean(options.name, names)));
}

std::string require_dir(const DataOptions& options, const std::string& content) {
  if (options.dir.empty())
    throw UsageError(fmt::format("data.dir: not set, expected {} for data '{}'", content, options.name));
  std::error_code error;
  if (!std::filesystem::exists(options.dir, error))
    throw Error(fmt::format("{}: {}, expected {} for data '{}'", options.dir, error ? error.message() : "not found",
                            content, options.name));
  return options.dir;
}

}  // namespace subbyte
