// Files of every format, written by the tests that read them.
#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <png.h>
#include <stdlib.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <typeinfo>
#include <vector>

#include <jpeglib.h>  // after <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "data/dataset.h"

namespace subbyte {

using Bytes = std::vector<uint8_t>;

/// A new folder that is removed after the test.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-data-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw Error(name + ": cannot create");
    folder_ = name;
  }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  /// The path below the folder; the folders above it are created.
  std::string path(const std::string& name) const {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    return path.string();
  }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// `work` throws E itself, with one line that holds all of `texts`.
template <class E = Error>
void expect_error(const std::function<void()>& work, const std::vector<std::string>& texts) {
  try {
    work();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(typeid(error), typeid(E)) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& text : texts) EXPECT_NE(message.find(text), std::string::npos) << text << "\nin " << message;
    return;
  }
  ADD_FAILURE() << "no error";
}

inline Bytes record_of(const Dataset& data, int64_t index) {
  Bytes pixels(size_t(data.height()) * size_t(data.width()) * size_t(data.channels()));
  data.read(index, pixels.data());
  return pixels;
}

/// Bytes that depend on place and seed and repeat after 251.
inline Bytes pattern(size_t size, int seed) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = uint8_t((i * 7 + size_t(seed) * 31) % 251);
  return bytes;
}

inline void append_word(Bytes& bytes, uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(uint8_t(word >> shift));
}

inline Bytes idx_images(uint32_t count, uint32_t height, uint32_t width, const Bytes& pixels, uint32_t magic = 2051) {
  Bytes bytes;
  for (uint32_t word : {magic, count, height, width}) append_word(bytes, word);
  bytes.insert(bytes.end(), pixels.begin(), pixels.end());
  return bytes;
}

inline Bytes idx_labels(uint32_t count, const Bytes& labels, uint32_t magic = 2049) {
  Bytes bytes;
  for (uint32_t word : {magic, count}) append_word(bytes, word);
  bytes.insert(bytes.end(), labels.begin(), labels.end());
  return bytes;
}

inline void write_gzip(const std::string& path, const Bytes& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, bytes.data(), unsigned(bytes.size())), int(bytes.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

inline void write_tar_gz(const std::string& path, const std::map<std::string, Bytes>& members) {
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_ustar(writer);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  for (const auto& [name, bytes] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, la_int64_t(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
    ASSERT_EQ(archive_write_data(writer, bytes.data(), bytes.size()), la_ssize_t(bytes.size()));
    archive_entry_free(entry);
  }
  ASSERT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
}

/// `format` is a PNG_FORMAT_ value, `pixels` [height][width][its channels].
inline void write_png(const std::string& path, int height, int width, uint32_t format, const Bytes& pixels) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.height = png_uint_32(height);
  image.width = png_uint_32(width);
  image.format = format;
  ASSERT_EQ(pixels.size(), PNG_IMAGE_SIZE(image));
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr), 0) << image.message;
}

inline void write_jpeg(const std::string& path, int height, int width, int channels, const Bytes& pixels) {
  FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_height = JDIMENSION(height);
  jpeg.image_width = JDIMENSION(width);
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    auto* row = const_cast<JSAMPLE*>(pixels.data()) + size_t(jpeg.next_scanline) * size_t(width) * size_t(channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(file);
}

inline Bytes filled(int height, int width, const Bytes& pixel) {
  Bytes pixels;
  for (int i = 0; i < height * width; ++i) pixels.insert(pixels.end(), pixel.begin(), pixel.end());
  return pixels;
}

}  // namespace subbyte
