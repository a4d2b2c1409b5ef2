// The IDX format of MNIST: big-endian 32-bit header words, then one byte a pixel or label.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace subbyte {

/// Grey images, pixels [count][height][width].
struct IdxImages {
  int64_t count = 0;
  int height = 0, width = 0;
  std::vector<uint8_t> pixels;
};

inline constexpr size_t kIdxImagesHeader = 16, kIdxLabelsHeader = 8;  ///< bytes

/// Bytes of the whole file as its header says. `head` holds the first bytes of the file, at least the header.
/// Throws Error (naming `file`) for a wrong magic number or dimensions out of bounds.
uint64_t idx_images_size(std::span<const uint8_t> head, const std::string& file);
uint64_t idx_labels_size(std::span<const uint8_t> head, const std::string& file);

/// `bytes` is a whole unpacked file; `file` is its name in messages. Throws Error for anything but exactly one array of
/// images, or of labels below `classes`.
IdxImages parse_idx_images(std::span<const uint8_t> bytes, const std::string& file);
std::vector<int32_t> parse_idx_labels(std::span<const uint8_t> bytes, const std::string& file, int classes);

}  // namespace subbyte
