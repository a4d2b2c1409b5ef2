// PNG and JPEG files: any bytes give an image of the size that is asked for, or an Error.
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <zlib.h>

#include "data/fuzz_gzip.h"
#include "data/image.h"

using namespace subbyte;

namespace {

constexpr uint64_t kLargest = 1 << 16;  // pixels; larger images take long and show nothing more

unsigned big_endian(const fuzz::Bytes& bytes, size_t at, size_t count) {
  unsigned value = 0;
  for (size_t i = at; i < at + count && i < bytes.size(); ++i) value = value << 8 | bytes[i];
  return value;
}

bool is_slow(const fuzz::Bytes& file) {
  const auto large = [](uint64_t pixels) { return pixels > kLargest && pixels <= uint64_t(kMaxImagePixels); };
  if (!file.empty() && file[0] == 0x89) return large(uint64_t{big_endian(file, 16, 4)} * big_endian(file, 20, 4));
  for (size_t i = 2; i + 9 < file.size(); ++i)  // whatever may be a start of frame
    if (file[i] == 0xFF && (file[i + 1] & 0xF0) == 0xC0)
      if (large(uint64_t{big_endian(file, i + 5, 2)} * big_endian(file, i + 7, 2))) return true;
  return false;
}

void put_word(fuzz::Bytes& bytes, size_t at, unsigned word) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = uint8_t(word >> (24 - 8 * i));
}

void append_chunk(fuzz::Bytes& png, const char* kind, const fuzz::Bytes& content) {
  const size_t at = png.size();
  png.resize(at + 4);
  put_word(png, at, unsigned(content.size()));
  png.insert(png.end(), kind, kind + 4);
  png.insert(png.end(), content.begin(), content.end());
  const unsigned sum = unsigned(crc32(0, png.data() + at + 4, uInt(content.size() + 4)));
  png.resize(png.size() + 4);
  put_word(png, png.size() - 4, sum);
}

/// Makes the checksums of a PNG file right, as far as its chunks can be followed.
void repair_png(fuzz::Bytes& png) {
  for (size_t at = 8; at + 12 <= png.size();) {
    const size_t length = big_endian(png, at, 4);
    if (length > png.size() - at - 12) return;
    put_word(png, at + 8 + length, unsigned(crc32(0, png.data() + at + 4, uInt(length + 4))));
    at += 12 + length;
  }
}

fuzz::Bytes deflated(const fuzz::Bytes& content) {
  uLongf size = compressBound(uLong(content.size()));
  fuzz::Bytes packed(size);
  fuzz::require(compress2(packed.data(), &size, content.data(), uLong(content.size()), 1) == Z_OK);
  packed.resize(size);
  return packed;
}

/// Every kind of PNG: depth, colours, interlacing, palette and transparency are drawn, then the filtered rows.
fuzz::Bytes build_png(fuzz::Choices& choices) {
  const uint8_t depths[] = {1, 2, 4, 8, 16}, colours[] = {0, 2, 3, 4, 6};
  fuzz::Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'}, header(13);
  const unsigned width = choices.byte() % 40, height = choices.byte() % 40;
  put_word(header, 0, width);
  put_word(header, 4, height);
  header[8] = depths[choices.below(5)];
  header[9] = colours[choices.below(5)];
  header[12] = uint8_t(choices.below(2));
  append_chunk(png, "IHDR", header);
  const char* const kinds[] = {"gAMA", "sRGB", "cHRM", "sBIT", "bKGD", "tRNS", "pHYs", "tEXt", "iCCP", "eXIf"};
  for (unsigned extra = choices.below(3); extra > 0; --extra)
    append_chunk(png, kinds[choices.below(std::size(kinds))], choices.some());
  if (choices.flag()) append_chunk(png, "PLTE", choices.take(3 * choices.byte()));
  if (choices.flag()) append_chunk(png, "tRNS", choices.some());
  fuzz::Bytes rows;
  const unsigned filters = choices.below(6);
  for (unsigned y = 0; y < height * (header[12] != 0 ? 2 : 1); ++y) {
    const size_t row = (size_t(width) * header[8] * 4 + 7) / 8;
    rows.push_back(uint8_t(filters));
    const fuzz::Bytes drawn = choices.take(row);
    rows.insert(rows.end(), drawn.begin(), drawn.end());
    rows.resize(rows.size() + row - drawn.size(), uint8_t(y));
  }
  if (choices.byte() > 200) rows.resize(rows.size() / 2);
  append_chunk(png, "IDAT", deflated(rows));
  append_chunk(png, "IEND", {});
  return png;
}

/// A JPEG file of a drawn kind: grey, colours or inks; progressive, arithmetic, with restarts, subsampled.
fuzz::Bytes example_jpeg(fuzz::Dice& dice) {
  const int components[] = {1, 3, 4}, kind = int(dice.roll(3));
  const unsigned width = 1 + dice.roll(40), height = 1 + dice.roll(40);
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = components[kind];
  jpeg.in_color_space = kind == 0 ? JCS_GRAYSCALE : kind == 1 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  if (kind == 2 && dice.roll(2) == 0) jpeg_set_colorspace(&jpeg, JCS_YCCK);
  jpeg_set_quality(&jpeg, int(dice.roll(100)), TRUE);
  if (dice.roll(2) == 0) jpeg_simple_progression(&jpeg);
  if (dice.roll(3) == 0) jpeg.arith_code = TRUE;
  jpeg.restart_interval = dice.roll(3);
  jpeg.comp_info[0].h_samp_factor = 1 + int(dice.roll(2));
  jpeg_start_compress(&jpeg, TRUE);
  fuzz::Bytes row(size_t{4} * width);
  while (jpeg.next_scanline < height) {
    for (uint8_t& value : row) value = uint8_t(dice.roll(256));
    JSAMPROW from = row.data();
    jpeg_write_scanlines(&jpeg, &from, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  fuzz::Bytes file(buffer, buffer + size);
  std::free(buffer);
  return file;
}

/// The kind of input, the sides and channels asked for, then a file or the choices that make one.
fuzz::Bytes example(fuzz::Dice& dice) {
  fuzz::Bytes input = {uint8_t(dice.roll(3)), uint8_t(dice.roll(64)), uint8_t(dice.roll(64)), uint8_t(dice.roll(2))};
  fuzz::Bytes drawn(200);
  for (uint8_t& value : drawn) value = uint8_t(dice.roll(256));
  fuzz::Choices choices(drawn);
  if (input[0] == 0) drawn = dice.roll(2) == 0 ? example_jpeg(dice) : build_png(choices);
  if (input[0] == 1) drawn = build_png(choices);
  input.insert(input.end(), drawn.begin(), drawn.end());
  return input;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_or_replace(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Choices choices({data, size});
  const unsigned kind = choices.below(3);
  const int height = 1 + choices.byte(), width = 1 + choices.byte(), channels = choices.flag() ? 3 : 1;
  fuzz::Bytes file = kind == 2 ? build_png(choices) : choices.rest();
  if (kind == 1) repair_png(file);
  if (is_slow(file)) return 0;

  Image image;
  if (!fuzz::accepts([&] { image = decode_image(file, "input"); })) return 0;
  fuzz::require(image.height > 0 && image.width > 0 && (image.channels == 1 || image.channels == 3));
  fuzz::require(int64_t(image.pixels.size()) == int64_t{image.height} * image.width * image.channels);
  fuzz::require(decode_image(file, "again").pixels == image.pixels);
  const auto [low, high] = std::minmax_element(image.pixels.begin(), image.pixels.end());
  const uint8_t darkest = *low, brightest = *high;
  const Image result = resize(convert_channels(std::move(image), channels), height, width);
  fuzz::require(result.height == height && result.width == width && result.channels == channels);
  fuzz::require(int64_t(result.pixels.size()) == int64_t{height} * width * channels);
  for (uint8_t value : result.pixels) fuzz::require(value >= darkest && value <= brightest);  // weights sum to 1
  return 0;
}
