#include "data/idx.h"

#include <fmt/format.h>

#include "base/error.h"

namespace subbyte {
namespace {

constexpr uint32_t kImagesMagic = 2051, kLabelsMagic = 2049;  // unsigned bytes in 3 dimensions, in 1 dimension
constexpr uint32_t kMaxSide = 4096;
constexpr uint64_t kMaxBytes = uint64_t{1} << 31;

uint32_t word(std::span<const uint8_t> bytes, size_t index) {
  const uint8_t* at = bytes.data() + 4 * index;
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

void check_header(std::span<const uint8_t> head, const std::string& file, size_t header, uint32_t magic,
                  const char* kind) {
  if (head.size() < header)
    throw Error(fmt::format("{}: found {} bytes, expected at least {}, the header of IDX {}", file, head.size(), header,
                            kind));
  if (word(head, 0) != magic)
    throw Error(fmt::format("{}: found magic number {}, expected {} (IDX {})", file, word(head, 0), magic, kind));
  if (word(head, 1) == 0) throw Error(fmt::format("{}: found 0 {}, expected at least 1", file, kind));
}

void check_total(uint64_t bytes, const std::string& file) {
  if (bytes > kMaxBytes)
    throw Error(fmt::format("{}: found a header for {} bytes, expected at most {}", file, bytes, kMaxBytes));
}

void check_size(std::span<const uint8_t> bytes, uint64_t expected, const std::string& file, const std::string& content) {
  if (bytes.size() != expected)
    throw Error(fmt::format("{}: found {}{} bytes, expected {} for {} ({})", file,
                            bytes.size() > expected ? "at least " : "", bytes.size(), expected, content,
                            bytes.size() < expected ? "truncated" : "trailing bytes"));
}

}  // namespace

uint64_t idx_images_size(std::span<const uint8_t> head, const std::string& file) {
  check_header(head, file, kIdxImagesHeader, kImagesMagic, "images");
  const uint32_t count = word(head, 1), height = word(head, 2), width = word(head, 3);
  if (height < 1 || height > kMaxSide || width < 1 || width > kMaxSide)
    throw Error(fmt::format("{}: found images of {}x{}, expected sides of 1 to {}", file, height, width, kMaxSide));
  const uint64_t bytes = kIdxImagesHeader + uint64_t{count} * height * width;  // below 2^57
  check_total(bytes, file);
  return bytes;
}

uint64_t idx_labels_size(std::span<const uint8_t> head, const std::string& file) {
  check_header(head, file, kIdxLabelsHeader, kLabelsMagic, "labels");
  const uint64_t bytes = kIdxLabelsHeader + uint64_t{word(head, 1)};
  check_total(bytes, file);
  return bytes;
}

IdxImages parse_idx_images(std::span<const uint8_t> bytes, const std::string& file) {
  const uint64_t expected = idx_images_size(bytes, file);
  IdxImages images{int64_t{word(bytes, 1)}, int(word(bytes, 2)), int(word(bytes, 3)), {}};
  check_size(bytes, expected, file, fmt::format("{} images of {}x{}", images.count, images.height, images.width));
  images.pixels.assign(bytes.begin() + kIdxImagesHeader, bytes.end());
  return images;
}

std::vector<int32_t> parse_idx_labels(std::span<const uint8_t> bytes, const std::string& file, int classes) {
  const uint64_t expected = idx_labels_size(bytes, file);
  check_size(bytes, expected, file, fmt::format("{} labels", word(bytes, 1)));
  std::vector<int32_t> labels(bytes.begin() + kIdxLabelsHeader, bytes.end());
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      throw Error(fmt::format("{}: record {}: found label {}, expected 0 to {}", file, i, labels[i], classes - 1));
  return labels;
}

}  // namespace subbyte
