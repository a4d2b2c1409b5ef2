// Images of any size, and how they come to the size that a network needs.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace subbyte {

/// Pixels [height][width][channels], 1 channel (grey) or 3 (red, green, blue).
struct Image {
  int height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

inline constexpr int64_t kMaxImagePixels = int64_t{1} << 26;  ///< 8192 x 8192; larger images are refused unread

/// Decode the bytes of a file; `file` is its name in messages. Grey files give 1 channel, all others 3; transparent
/// pixels are laid over black. Throw Error for damaged or truncated files and for more than kMaxImagePixels.
Image decode_png(std::span<const uint8_t> bytes, const std::string& file);
Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& file);
/// The one of the two that the first bytes ask for. Throws Error for any other file too.
Image decode_image(std::span<const uint8_t> bytes, const std::string& file);

/// Grey to three equal channels, or colours to grey (luma of BT.601). `channels` is 1 or 3.
Image convert_channels(Image image, int channels);

/// Scales both sides separately with a triangle filter: bilinear when enlarging, an average over the covered area when
/// shrinking. An image of that size is returned as it is. Integer arithmetic: equal on every machine.
Image resize(Image image, int height, int width);

}  // namespace subbyte
