#include "data/image.h"

#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "data/test_files.h"

namespace subbyte {
namespace {

class ImageFile : public FilesTest {};

int largest_difference(const Bytes& a, const Bytes& b) {
  EXPECT_EQ(a.size(), b.size());
  int largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(int(a[i]) - int(b[i])));
  return largest;
}

TEST_F(ImageFile, PngRoundTrip) {
  const Bytes colour = pattern(5 * 7 * 3, 1), grey = pattern(5 * 7, 2);
  write_png(path("c.png"), 5, 7, PNG_FORMAT_RGB, colour);
  write_png(path("g.png"), 5, 7, PNG_FORMAT_GRAY, grey);
  EXPECT_EQ(read_image(path("c.png"), 5, 7, 3), colour);
  EXPECT_EQ(read_image(path("g.png"), 5, 7, 1), grey);

  const Bytes spread = read_image(path("g.png"), 5, 7, 3), luma = read_image(path("c.png"), 5, 7, 1);
  for (size_t i = 0; i < grey.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) EXPECT_EQ(spread[3 * i + c], grey[i]);
    EXPECT_NEAR(luma[i], 0.299 * colour[3 * i] + 0.587 * colour[3 * i + 1] + 0.114 * colour[3 * i + 2], 1);
  }
}

TEST_F(ImageFile, TransparentPixelsAreBlack) {
  write_png(path("a.png"), 1, 2, PNG_FORMAT_RGBA, {200, 100, 50, 255, 200, 100, 50, 0});
  EXPECT_EQ(read_image(path("a.png"), 1, 2, 3), (Bytes{200, 100, 50, 0, 0, 0}));
}

TEST_F(ImageFile, JpegRoundTrip) {
  write_jpeg(path("c.jpg"), 16, 24, 3, filled(16, 24, {200, 90, 30}));
  EXPECT_LE(largest_difference(read_image(path("c.jpg"), 16, 24, 3), filled(16, 24, {200, 90, 30})), 2);
  EXPECT_LE(largest_difference(read_image(path("c.jpg"), 16, 24, 1), filled(16, 24, {116})), 2);
  write_jpeg(path("g.jpg"), 16, 24, 1, filled(16, 24, {77}));
  EXPECT_LE(largest_difference(read_image(path("g.jpg"), 16, 24, 3), filled(16, 24, {77, 77, 77})), 1);
  // No ink is white; libjpeg marks no file as Adobe's inverted kind unless asked to.
  write_jpeg(path("k.jpg"), 8, 8, 4, filled(8, 8, {255, 155, 55, 255}));
  const Bytes pixel = decode_jpeg(read_file(path("k.jpg")), "k").pixels;
  ASSERT_EQ(pixel.size(), 8u * 8 * 3);
  EXPECT_LE(largest_difference(pixel, filled(8, 8, {255, 155, 55})), 2);
}

TEST_F(ImageFile, RefusesDamagedFiles) {
  write_png(path("a.png"), 40, 40, PNG_FORMAT_RGB, pattern(40 * 40 * 3, 3));
  write_jpeg(path("a.jpg"), 40, 40, 3, pattern(40 * 40 * 3, 3));
  for (const std::string& kind : {std::string("png"), std::string("jpg")}) {
    const Bytes good = read_file(path("a." + kind));
    const std::string text = kind == "png" ? "damaged PNG data" : "damaged JPEG data";
    for (const size_t size : {size_t{3}, size_t{30}, good.size() / 2, good.size() * 9 / 10}) {
      write_file(path("b." + kind), std::span(good).first(size));
      expect_error([&] { read_image(path("b." + kind), 8, 8, 3); }, {path("b." + kind) + ": found truncated or", text});
    }
  }
  Bytes png = read_file(path("a.png"));
  png[png.size() / 2] ^= 0xFF;
  write_file(path("b.png"), png);
  expect_error([&] { read_image(path("b.png"), 8, 8, 3); }, {path("b.png"), "damaged PNG data", "expected a whole PNG"});

  write_file(path("empty.png"), "");
  expect_error([&] { read_image(path("empty.png"), 8, 8, 3); }, {"empty.png: found an empty file, expected a PNG or JPEG"});
  write_file(path("text.jpg"), "hello");
  expect_error([&] { read_image(path("text.jpg"), 8, 8, 3); }, {"text.jpg: found first bytes 68 65, expected a PNG"});
  expect_error([&] { read_image(path("none.jpg"), 8, 8, 3); }, {"none.jpg: cannot open: No such file"});
}

/// Turns the size in the header into 60000x60000.
TEST_F(ImageFile, RefusesHugeSizesUnread) {
  write_png(path("a.png"), 4, 4, PNG_FORMAT_RGB, pattern(48, 3));
  Bytes png = read_file(path("a.png"));
  for (const size_t at : {16u, 20u}) {
    png[at] = png[at + 1] = 0;
    png[at + 2] = 0xEA;
    png[at + 3] = 0x60;
  }
  uLong sum = crc32(0, png.data() + 12, 17);
  for (int i = 0; i < 4; ++i) png[size_t(29 + i)] = uint8_t(sum >> (24 - 8 * i));
  expect_error([&] { decode_png(png, "big.png"); }, {"big.png: found an image of 60000x60000, expected at most 67108864"});

  write_jpeg(path("a.jpg"), 4, 4, 3, pattern(48, 3));
  Bytes jpeg = read_file(path("a.jpg"));
  const Bytes frame = {0xFF, 0xC0};
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  ASSERT_NE(at, jpeg.end());
  for (int i : {5, 7}) {
    at[i] = 0xEA;
    at[i + 1] = 0x60;
  }
  expect_error([&] { decode_jpeg(jpeg, "big.jpg"); }, {"big.jpg: found an image of 60000x60000, expected at most"});
}

TEST(Resize, EvenAreasStayEven) {
  EXPECT_TRUE(rc::check("an even image stays even at any size", [] {
    const int h = *rc::gen::inRange(1, 50), w = *rc::gen::inRange(1, 50);
    const int to_h = *rc::gen::inRange(1, 50), to_w = *rc::gen::inRange(1, 50);
    const Bytes pixel = {*rc::gen::arbitrary<uint8_t>(), 255, 0};
    const Image image = resize({h, w, 3, filled(h, w, pixel)}, to_h, to_w);
    RC_ASSERT(image.height == to_h);
    RC_ASSERT(image.width == to_w);
    RC_ASSERT(image.pixels == filled(to_h, to_w, pixel));
  }));
}

TEST(Resize, EnlargesBilinearlyAndAveragesWhenShrinking) {
  EXPECT_EQ(resize({1, 2, 1, {0, 100}}, 1, 4).pixels, (Bytes{0, 25, 75, 100}));
  EXPECT_EQ(resize({2, 1, 1, {0, 100}}, 4, 1).pixels, (Bytes{0, 25, 75, 100}));
  // Fine stripes become their mean instead of one of them.
  Bytes stripes;
  for (int i = 0; i < 64; ++i) stripes.push_back(i % 2 == 0 ? 0 : 200);
  for (uint8_t value : resize({1, 64, 1, stripes}, 1, 8).pixels) EXPECT_NEAR(value, 100, 4);
  const Bytes same = pattern(12, 1);
  EXPECT_EQ(resize({2, 2, 3, same}, 2, 2).pixels, same);
}

TEST(Resize, ChannelsStayApart) {
  Bytes mixed, planes[3] = {pattern(35, 1), pattern(35, 2), pattern(35, 3)};
  for (size_t i = 0; i < 35; ++i)
    for (const Bytes& plane : planes) mixed.push_back(plane[i]);
  const Bytes small = resize({5, 7, 3, mixed}, 3, 11).pixels;
  for (size_t c = 0; c < 3; ++c) {
    const Bytes alone = resize({5, 7, 1, planes[c]}, 3, 11).pixels;
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(small[3 * i + c], alone[i]);
  }
}

}  // namespace
}  // namespace subbyte
