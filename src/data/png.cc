#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "data/image.h"

namespace subbyte {
namespace {

/// libpng's simplified interface, which reports errors without longjmp.
struct Decoder {
  png_image image;
  Decoder() {
    std::memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
  }
  ~Decoder() { png_image_free(&image); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

/// libpng takes, and fills with zeros, the memory that a chunk's header promises before it reads the chunk.
void check_chunks(std::span<const uint8_t> bytes, const std::string& file) {
  constexpr size_t signature = 8, head = 8, checksum = 4;
  bytes = bytes.subspan(std::min(bytes.size(), signature));
  while (bytes.size() >= head && std::memcmp(bytes.data() + 4, "IEND", 4) != 0) {  // what comes after it is not read
    uint64_t size = head + checksum;
    for (size_t i = 0; i < 4; ++i) size += uint64_t{bytes[i]} << (24 - 8 * i);
    if (size > bytes.size())
      throw Error(fmt::format("{}: found truncated or damaged PNG data (a chunk of {} bytes where {} are left), expected "
                              "a whole PNG image",
                              file, size, bytes.size()));
    bytes = bytes.subspan(size_t(size));
  }
}

}  // namespace

Image decode_png(std::span<const uint8_t> bytes, const std::string& file) {
  Decoder decoder;
  png_image& png = decoder.image;
  const auto check = [&](int ok) {
    if (ok == 0)
      throw Error(fmt::format("{}: found truncated or damaged PNG data ({}), expected a whole PNG image", file,
                              png.message));
  };
  check_chunks(bytes, file);
  check(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()));
  const int64_t pixels = int64_t{png.width} * png.height;
  if (pixels > kMaxImagePixels)
    throw Error(fmt::format("{}: found an image of {}x{}, expected at most {} pixels", file, png.height, png.width,
                            kMaxImagePixels));
  const bool grey = (png.format & PNG_FORMAT_FLAG_COLOR) == 0;
  png.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  Image image{int(png.height), int(png.width), grey ? 1 : 3, {}};
  image.pixels.resize(size_t(pixels) * size_t(image.channels));
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr));
  return image;
}

}  // namespace subbyte
