// Operands of the products against plain loops over the codes.
#include "nn/integer/operands.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>

namespace subbyte {
namespace {

NetworkConfig some_config() {
  NetworkConfig config;
  config.model.nodes.resize(1);
  return config;
}

std::vector<uint8_t> random_bytes(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < count; ++i) bytes.push_back(uint8_t(random()));
  return bytes;
}

Shape any_shape(int least) {
  return {*rc::gen::inRange(least, least + 8), *rc::gen::inRange(least, least + 8), *rc::gen::inRange(1, 41)};
}

TEST(Operands, CodesStandInsideAFrameOfTheZeroPoint) {
  EXPECT_TRUE(rc::check("place_bytes and place_words", [] {
    const Shape s = any_shape(1);
    const int pad = *rc::gen::inRange(0, 3), zero = *rc::gen::element(0, 8, 128);
    const std::vector<uint8_t> codes = random_bytes(s.elements(), *rc::gen::arbitrary<uint16_t>());
    PaddedImage bytes, words;
    const int channels = round_up(s.c, 4);
    for (int pass = 0; pass < 2; ++pass) {  // the frame outlives a change of geometry and back
      if (pass == 1) bytes.shape(31, 2, 8, 77), words.shape(31, 2, 8, 0), bytes.bytes.fill_bytes(1), words.bytes.fill_bytes(1);
      bytes.shape(s.h + 2 * pad, s.w + 2 * pad, channels, uint8_t(zero));
      words.shape(s.h + 2 * pad, s.w + 2 * pad, channels * 2, 0);
      place_bytes(codes.data(), s, pad, bytes);
      place_words(codes.data(), zero, s, pad, words);
      for (int y = 0; y < bytes.h; ++y)
        for (int x = 0; x < bytes.w; ++x)
          for (int c = 0; c < channels; ++c) {
            const int iy = y - pad, ix = x - pad;
            const bool inside = iy >= 0 && ix >= 0 && iy < s.h && ix < s.w && c < s.c;
            const int code = inside ? codes[(size_t(iy) * s.w + ix) * s.c + c] : zero;
            RC_ASSERT(int(bytes.pixel(y, x)[c]) == code);
            RC_ASSERT(int(reinterpret_cast<const int16_t*>(words.pixel(y, x))[c]) == code - zero);
          }
    }
  }));
}

TEST(Operands, SlidingWordsHoldFourOutputNeighboursOfAKernelColumn) {
  EXPECT_TRUE(rc::check("slide_image", [] {
    ProductShape s;
    s.kw = s.kh = *rc::gen::element(1, 3, 5);
    s.stride = *rc::gen::element(1, 2);
    s.pad = *rc::gen::inRange(0, std::min(3, s.kw));
    s.in = any_shape(s.kw);
    s.out = {(s.in.h + 2 * s.pad - s.kh) / s.stride + 1, (s.in.w + 2 * s.pad - s.kw) / s.stride + 1, 1};
    const Context ctx(some_config());
    const std::vector<uint8_t> codes = random_bytes(s.in.elements(), *rc::gen::arbitrary<uint16_t>());
    PaddedImage image;
    image.shape(s.in.h + 2 * s.pad, s.in.w + 2 * s.pad, round_up(s.in.c, 16), 5);
    place_bytes(codes.data(), s.in, s.pad, image);
    SlidingImage sliding;
    slide_image(ctx, image, s, sliding);
    for (int dx = 0; dx < s.kw; ++dx)
      for (int y = 0; y < image.h; ++y)
        for (int p = 0; p < s.out.w; ++p)
          for (int c = 0; c < image.pixel_bytes; ++c) {
            const int64_t at = dx * sliding.tap_bytes() + int64_t(y) * sliding.row_bytes() +
                               (int64_t(p / 4) * sliding.k + c) * 4 + p % 4;
            RC_ASSERT(sliding.bytes[at] == image.pixel(y, p * s.stride + dx)[c]);
          }
  }));
}

TEST(Operands, GradientWordsAreZeroBeyondTheRowAndTheChannels) {
  EXPECT_TRUE(rc::check("gradient_words", [] {
    const Shape s = any_shape(1);
    const Context ctx(some_config());
    const std::vector<uint8_t> codes = random_bytes(s.elements(), *rc::gen::arbitrary<uint16_t>());
    const int blocks = (s.w + 3) / 4, n8 = round_up(s.c, 8);
    Buffer<uint8_t> scratch(4096), out(size_t(s.h) * blocks * n8 * 4);
    scratch.fill_bytes(99);  // of the image before
    out.fill_bytes(98);
    gradient_words(ctx, reinterpret_cast<const int8_t*>(codes.data()), s, blocks, n8, scratch, out.data());
    for (int y = 0; y < s.h; ++y)
      for (int x = 0; x < 4 * blocks; ++x)
        for (int c = 0; c < n8; ++c) {
          const int expected = x < s.w && c < s.c ? codes[(size_t(y) * s.w + x) * s.c + c] : 0;
          RC_ASSERT(int(out[((size_t(y) * blocks + x / 4) * n8 + c) * 4 + x % 4]) == expected);
        }
  }));
}

}  // namespace
}  // namespace subbyte
