#include <fmt/format.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>

#include <jerror.h>

#include "base/error.h"
#include "data/image.h"

namespace subbyte {
namespace {

constexpr int kMaxScans = 500;  // a small progressive file can ask for hours of work

/// All state of a decoding, outside the frame that longjmp leaves. libjpeg sees the first members alone.
struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX] = "";
  Image image;

  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

[[noreturn]] void leave(j_common_ptr jpeg) {
  auto* decoder = static_cast<Decoder*>(jpeg->client_data);
  if (decoder->message[0] == 0) jpeg->err->format_message(jpeg, decoder->message);
  std::longjmp(decoder->back, 1);
}

/// libjpeg fills what is missing with grey and only warns; a training set should not hold such images.
void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  const int code = jpeg->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC)
    leave(jpeg);
}

void on_progress(j_common_ptr jpeg) {
  auto* decoder = static_cast<Decoder*>(jpeg->client_data);
  if (decoder->jpeg.input_scan_number <= kMaxScans) return;
  std::snprintf(decoder->message, sizeof decoder->message, "more than %d scans", kMaxScans);
  leave(jpeg);
}

/// Inverted or not, ink to light: red = (255 - cyan) * (255 - black) / 255.
void cmyk_to_rgb(const uint8_t* cmyk, size_t count, bool inverted, uint8_t* rgb) {
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < 3; ++c) {
      const int light = inverted ? cmyk[4 * i + c] : 255 - cmyk[4 * i + c];
      const int key = inverted ? cmyk[4 * i + 3] : 255 - cmyk[4 * i + 3];
      rgb[3 * i + c] = uint8_t((light * key + 127) / 255);
    }
}

/// False where libjpeg gave up. Nothing with a destructor may live here: longjmp passes it by.
bool read_header(Decoder& decoder, std::span<const uint8_t> bytes) {
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  if (setjmp(decoder.back) != 0) return false;
  jpeg_create_decompress(&jpeg);
  jpeg.client_data = &decoder;
  jpeg.progress = &decoder.progress;
  jpeg_mem_src(&jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&jpeg, TRUE);
  return true;
}

bool read_pixels(Decoder& decoder, uint8_t* pixels, uint8_t* cmyk_row) {
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  if (setjmp(decoder.back) != 0) return false;
  jpeg.out_color_space = cmyk_row != nullptr ? JCS_CMYK : decoder.image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&jpeg);
  const size_t row = size_t(decoder.image.width) * size_t(decoder.image.channels);
  while (jpeg.output_scanline < jpeg.output_height) {
    uint8_t* out = pixels + jpeg.output_scanline * row;
    JSAMPROW to = cmyk_row != nullptr ? cmyk_row : out;
    jpeg_read_scanlines(&jpeg, &to, 1);
    if (cmyk_row != nullptr) cmyk_to_rgb(cmyk_row, size_t(decoder.image.width), jpeg.saw_Adobe_marker == TRUE, out);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& file) {
  Decoder decoder;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  jpeg.err = jpeg_std_error(&decoder.errors);
  jpeg.client_data = &decoder;
  decoder.errors.error_exit = leave;
  decoder.errors.emit_message = on_message;
  decoder.progress.progress_monitor = on_progress;
  const auto check = [&](bool ok) {
    if (!ok)
      throw Error(fmt::format("{}: found truncated or damaged JPEG data ({}), expected a whole JPEG image", file,
                              decoder.message));
  };
  check(read_header(decoder, bytes));
  const int64_t pixels = int64_t{jpeg.image_width} * jpeg.image_height;
  if (pixels > kMaxImagePixels)
    throw Error(fmt::format("{}: found an image of {}x{}, expected at most {} pixels", file, jpeg.image_height,
                            jpeg.image_width, kMaxImagePixels));
  Image& image = decoder.image;
  image = {int(jpeg.image_height), int(jpeg.image_width), jpeg.num_components == 1 ? 1 : 3, {}};
  image.pixels.resize(size_t(pixels) * size_t(image.channels));
  std::vector<uint8_t> cmyk_row(jpeg.num_components == 4 ? size_t(image.width) * 4 : 0);
  check(read_pixels(decoder, image.pixels.data(), cmyk_row.empty() ? nullptr : cmyk_row.data()));
  return std::move(image);
}

}  // namespace subbyte
