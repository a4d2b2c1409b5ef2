// Folders of PNG and JPEG files, one folder a class, decoded when they are read.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/names.h"
#include "data/paths.h"
#include "data/readers.h"

namespace subbyte {
namespace {

namespace fs = std::filesystem;

constexpr int kChannels = 3;

class ImageFiles : public Dataset {
 public:
  struct Record {
    std::string path;
    int32_t label;
  };
  ImageFiles(std::vector<Record> records, int side) : records_(std::move(records)), side_(side) {}
  int64_t size() const override { return int64_t(records_.size()); }
  int height() const override { return side_; }
  int width() const override { return side_; }
  int channels() const override { return kChannels; }
  int32_t label(int64_t index) const override { return records_[size_t(index)].label; }
  void read(int64_t index, uint8_t* pixels) const override {
    const std::vector<uint8_t> image = read_image(records_[size_t(index)].path, side_, side_, kChannels);
    std::memcpy(pixels, image.data(), image.size());
  }

 private:
  std::vector<Record> records_;
  int side_;
};

bool is_image_name(const std::string& name) {
  std::string extension = fs::path(name).extension().string();
  for (char& c : extension) c = char(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> classes = folders_in(folder);
  if (classes.size() < 2)
    throw Error(fmt::format("{}: found {} class folders, expected at least 2, with the images of one class each",
                            folder.string(), classes.size()));
  return classes;
}

/// The images below `folder` with their places in `classes`; `whole`: every class must be there.
std::shared_ptr<const Dataset> open_part(const fs::path& folder, const std::vector<std::string>& classes, bool whole,
                                         int side) {
  std::vector<ImageFiles::Record> records;
  for (const std::string& name : whole ? classes : folders_in(folder)) {
    const auto place = std::lower_bound(classes.begin(), classes.end(), name);
    if (place == classes.end() || *place != name)
      throw Error(fmt::format("{}: found class folder '{}', expected one of the {} classes of training{}",
                              folder.string(), name, classes.size(), did_you_mean(name, classes)));
    const size_t before = records.size();
    for (const std::string& file : files_in(folder / name))
      if (is_image_name(file)) records.push_back({(folder / name / file).string(), int32_t(place - classes.begin())});
    if (records.size() == before)
      throw Error(fmt::format("{}: found no images, expected .jpg, .jpeg or .png files", (folder / name).string()));
  }
  if (records.empty())
    throw Error(fmt::format("{}: found no class folders, expected folders with images", folder.string()));
  return std::make_shared<ImageFiles>(std::move(records), side);
}

}  // namespace

DataSource open_images(const DataOptions& options) {
  const fs::path dir = require_dir(options, "a folder with train/CLASS/ or CLASS/ folders of images");
  if (!is_folder(dir)) throw Error(dir.string() + ": found a file, expected a folder of images");
  if (options.image_size < 1)
    throw UsageError(fmt::format("data.image_size: found {}, expected at least 1", options.image_size));
  fs::path test;
  for (const char* name : {"val", "test"})
    if (is_folder(dir / name)) test = dir / name;  // test, where both are there
  const bool has_train = is_folder(dir / "train");
  if (!has_train && !test.empty() && options.need_train)
    throw Error(fmt::format("{}: found no train folder, expected it beside {}", dir.string(), test.filename().string()));

  DataSource source{options.name, 0, {}, nullptr, nullptr};
  const fs::path train = has_train ? dir / "train" : test.empty() ? dir : fs::path();
  // The training folder numbers the classes even where its images are not needed.
  source.class_names = class_folders(train.empty() ? test : train);
  source.classes = int(source.class_names.size());
  if (options.need_train) source.train = open_part(train, source.class_names, true, options.image_size);
  if (!test.empty()) source.test = open_part(test, source.class_names, false, options.image_size);
  return source;
}

}  // namespace subbyte
