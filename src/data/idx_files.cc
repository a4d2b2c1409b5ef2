// MNIST and the sets that share its file names.
#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "data/gzip.h"
#include "data/idx.h"
#include "data/memory_dataset.h"
#include "data/paths.h"
#include "data/readers.h"

namespace subbyte {
namespace {

constexpr int kClasses = 10;
const char* const kFashionDir = "/usr/share/datasets/fashion-mnist";

std::vector<std::string> class_names(const std::string& name) {
  if (name == "mnist") return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  return {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
}

std::string find(const std::string& dir, const std::string& name) {
  const std::string plain = (std::filesystem::path(dir) / name).string();
  for (const std::string& path : {plain, plain + ".gz"}) {
    if (path_exists(path)) return path;
  }
  throw Error(fmt::format("{}: not found, expected this file or {}.gz", plain, name));
}

/// The file and at most one byte more than its header promises, which shows that there is too much.
std::vector<uint8_t> read_idx(const std::string& path, size_t header,
                              uint64_t (*size)(std::span<const uint8_t>, const std::string&)) {
  return read_plain_or_gzip(path, size(read_plain_or_gzip(path, header), path) + 1);
}

LabelledImages read_part(const std::string& dir, const std::string& part) {
  const std::string images_path = find(dir, part + "-images-idx3-ubyte");
  const std::string labels_path = find(dir, part + "-labels-idx1-ubyte");
  IdxImages images = parse_idx_images(read_idx(images_path, kIdxImagesHeader, idx_images_size), images_path);
  std::vector<int32_t> labels =
      parse_idx_labels(read_idx(labels_path, kIdxLabelsHeader, idx_labels_size), labels_path, kClasses);
  if (int64_t(labels.size()) != images.count)
    throw Error(fmt::format("{}: found {} labels, expected {}, the number of images of {}", labels_path, labels.size(),
                            images.count, images_path));
  return {images.height, images.width, 1, std::move(images.pixels), std::move(labels)};
}

}  // namespace

DataSource open_idx(const DataOptions& options) {
  const bool fashion = options.name == "fashion-mnist";
  DataOptions found = options;
  if (fashion && found.dir.empty()) found.dir = kFashionDir;
  const std::string dir = require_dir(found, fmt::format("a folder with train-images-idx3-ubyte.gz and so on{}",
                                                         fashion ? " (Debian package dataset-fashion-mnist)" : ""));
  DataSource source{options.name, kClasses, class_names(options.name), nullptr, nullptr};
  LabelledImages train;
  if (options.need_train) train = read_part(dir, "train");
  LabelledImages test = read_part(dir, "t10k");
  if (options.need_train) {
    if (train.height != test.height || train.width != test.width)
      throw Error(fmt::format("{}: found test images of {}x{}, expected {}x{} as in training", dir, test.height,
                              test.width, train.height, train.width));
    source.train = make_memory_dataset(std::move(train));
  }
  source.test = make_memory_dataset(std::move(test));
  return source;
}

}  // namespace subbyte
