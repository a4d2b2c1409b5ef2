#include "data/image.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "data/dataset.h"

namespace subbyte {

Image decode_image(std::span<const uint8_t> bytes, const std::string& file) {
  if (bytes.size() >= 2 && bytes[0] == 0x89 && bytes[1] == 'P') return decode_png(bytes, file);
  if (bytes.size() >= 2 && bytes[0] == 0xFF && bytes[1] == 0xD8) return decode_jpeg(bytes, file);
  if (bytes.empty()) throw Error(file + ": found an empty file, expected a PNG or JPEG image");
  throw Error(fmt::format("{}: found first bytes {:02x} {:02x}, expected a PNG (89 50) or JPEG (ff d8) image", file,
                          bytes[0], bytes.size() > 1 ? bytes[1] : 0));
}

Image convert_channels(Image image, int channels) {
  if (image.channels == channels) return image;
  const size_t count = size_t(image.height) * size_t(image.width);
  std::vector<uint8_t> pixels(count * size_t(channels));
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = image.pixels.data() + i * size_t(image.channels);
    if (channels == 1) pixels[i] = uint8_t((77 * in[0] + 150 * in[1] + 29 * in[2] + 128) >> 8);
    else pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = in[0];
  }
  image.pixels = std::move(pixels);
  image.channels = channels;
  return image;
}

std::vector<uint8_t> read_image(const std::string& path, int height, int width, int channels) {
  Image image = decode_image(read_file(path), path);
  return resize(convert_channels(std::move(image), channels), height, width).pixels;
}

}  // namespace subbyte
