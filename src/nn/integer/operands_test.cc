// Operands of the products against plain loops over the codes.
#include "nn/integer/operands.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>

#include "kernels/period.h"
#include "nn/integer/activation_blocks.h"

namespace subbyte {
namespace {

NetworkConfig some_config() {
  NetworkConfig config;
  config.model.nodes.resize(1);
  return config;
}

template <class T>
std::vector<T> random_codes(int64_t count, int low, int high) {
  std::mt19937 random(*rc::gen::arbitrary<uint16_t>());
  std::uniform_int_distribution<int> code(low, high);
  std::vector<T> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(T(code(random)));
  return all;
}

Shape any_shape() {
  return {*rc::gen::inRange(1, 9), *rc::gen::inRange(1, 9), *rc::gen::element(*rc::gen::inRange(1, 41), 3, 8, 16)};
}

/// Rows and columns of zeros around an interior: before and behind.
struct Frame {
  int top, left, bottom, right;
};
Frame any_frame() {
  const auto some = [] { return *rc::gen::inRange(0, 4); };
  return {some(), some(), some(), some()};
}

/// What a padded image must hold: `value` inside, `zero` around. What follows a pixel's channels meets weights of zero.
template <class Value>
void require_image(PaddedImage& image, Shape s, const Frame& f, bool words, int zero, Value value) {
  const int stored = words ? 0 : zero;
  RC_ASSERT(image.h == s.h + f.top + f.bottom && image.w == s.w + f.left + f.right);
  RC_ASSERT(image.bytes.size() == size_t(image.h) * image.w * image.pixel_bytes);
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x) {
      const int iy = y - f.top, ix = x - f.left;
      const bool inside = iy >= 0 && ix >= 0 && iy < s.h && ix < s.w;
      const int channels = inside ? s.c : image.pixel_bytes / (words ? 2 : 1);
      for (int c = 0; c < channels; ++c) {
        const int expected = inside ? value(iy, ix, c) : stored;
        const int found = words ? reinterpret_cast<const int16_t*>(image.pixel(y, x))[c] : image.pixel(y, x)[c];
        RC_ASSERT(found == expected);
      }
    }
}

int bytes_a_pixel(int channels, bool words) { return words ? round_up(channels, 2) * 2 : round_up(channels, 4); }

/// The geometry of another layer, or of an image before, and no byte left as it was.
void leave_traces(PaddedImage& image) {
  const int kind = *rc::gen::inRange(0, 3);
  if (kind == 0) return;  // the first image
  image.shape(*rc::gen::inRange(1, 30), *rc::gen::inRange(1, 10), 1, 2, 4 * *rc::gen::inRange(1, 9), 77);
  image.bytes.fill_bytes(99);
}

TEST(PlaceCodes, CodesStandInsideAFrameOfTheZeroPoint) {
  EXPECT_TRUE(rc::check("rows in place, pixels through scratch, and 16-bit words", [] {
    const Shape s = any_shape();
    const Frame f = any_frame();
    const bool words = *rc::gen::arbitrary<bool>();
    const Context ctx(some_config());
    Codes codes;
    codes.bits = *rc::gen::inRange(1, 9);
    codes.zero = *rc::gen::element(0, 1 << (codes.bits - 1));
    const int images = *rc::gen::inRange(1, 4);
    const std::vector<uint8_t> all = random_codes<uint8_t>(images * s.elements(), 0, (1 << codes.bits) - 1);
    codes.shift.assign(s.c, 0);
    codes.most_shift = codes.zero == 0 && codes.bits <= 5 ? *rc::gen::element(0, 3) : 0;
    codes.image_bytes = activation_bytes(s, codes.bits, codes.most_shift);
    codes.packed.resize(size_t(images * codes.image_bytes));
    std::vector<uint8_t> operands(all.size() + 8);
    for (int i = 0; i < images; ++i) {
      const int64_t at = int64_t(i) * s.elements(), bytes = packed_bytes(s.elements(), codes.bits);
      ctx.quantize.pack(all.data() + at, s.elements(), codes.bits, codes.image(i));
      for (int64_t b = bytes; b < codes.image_bytes; ++b) codes.image(i)[b] = *rc::gen::arbitrary<uint8_t>();
      std::vector<uint8_t> one(all.begin() + at, all.begin() + at + s.elements());
      one.resize(one.size() + 8);
      if (codes.most_shift)
        quantize_kernels(Isa::scalar).unpack_blocks(codes.image(i), codes.image(i) + bytes, s.elements(), s.c, codes.bits,
                                                   s.elements(), 0, one.data());
      std::copy(one.begin(), one.begin() + s.elements(), operands.begin() + at);
    }
    PaddedImage image;
    Buffer<uint8_t> scratch;
    leave_traces(image);
    for (int i = images - 1; i >= 0; --i) {
      image.shape(s.h + f.top + f.bottom, s.w + f.left + f.right, f.top, f.left, bytes_a_pixel(s.c, words),
                  uint8_t(words ? 0 : codes.zero));
      place_codes(ctx, codes, i, s, words, scratch, image);
      require_image(image, s, f, words, codes.zero, [&](int y, int x, int c) {
        return operands[((size_t(i) * s.h + y) * s.w + x) * s.c + c] - (words ? codes.zero : 0);
      });
    }
  }));
}

TEST(PlaceGradient, CodesAreShiftedByTheirChannelAndStandInsideAFrameOfTheZeroPoint) {
  EXPECT_TRUE(rc::check("bytes code * factor + zero with and without factors, and 16-bit words", [] {
    const Shape s = any_shape();
    const Frame f = any_frame();
    const bool words = *rc::gen::arbitrary<bool>(), has_factor = *rc::gen::arbitrary<bool>();
    const Context ctx(some_config());
    const int bits = *rc::gen::inRange(2, has_factor ? 6 : 9), top = (1 << (bits - 1)) - 1, rest = has_factor ? 8 - bits : 0;
    const int zero = top << rest;
    const std::vector<int8_t> codes = random_codes<int8_t>(s.elements(), -top, top);
    std::vector<int> shift = random_codes<int>(s.c, 0, rest), factors;
    for (int by : shift) factors.push_back(1 << by);
    Buffer<uint8_t> factor;
    if (has_factor) repeat_channels(factors.data(), s.c, factor);
    PaddedImage image;
    leave_traces(image);
    for (int pass = 0; pass < 2; ++pass) {
      image.shape(s.h + f.top + f.bottom, s.w + f.left + f.right, f.top, f.left, bytes_a_pixel(s.c, words),
                  uint8_t(words ? 0 : zero));
      place_gradient(ctx, codes.data(), s, words, factor, uint8_t(words ? 0 : zero), image);
      require_image(image, s, f, words, zero, [&](int y, int x, int c) {
        const int code = codes[(size_t(y) * s.w + x) * s.c + c];
        return words ? code : code * (1 << shift[c]) + zero;
      });
    }
  }));
}

/// A layer's smaller gradient in the frame that another one's filled: what is around it is zero all the same.
TEST(PaddedImage, AnInteriorOfAnotherSizeInAnEqualFrameLeavesNoTraces) {
  const Context ctx(some_config());
  for (const bool words : {false, true})
    for (const Shape small : {Shape{4, 4, 8}, Shape{5, 4, 8}, Shape{4, 5, 8}, Shape{5, 5, 7}}) {
      const Shape large{5, 5, 8};
      PaddedImage image;
      Buffer<uint8_t> scratch;
      const std::vector<int8_t> codes(size_t(large.elements()), 5);
      for (const Shape s : {large, small, large, small}) {
        image.shape(5, 5, 0, 0, words ? 16 : 8, 0);
        place_gradient(ctx, codes.data(), s, words, {}, 0, image);
        for (int y = 0; y < 5; ++y)
          for (int x = 0; x < 5; ++x) {
            const int found = words ? *reinterpret_cast<const int16_t*>(image.pixel(y, x)) : image.pixel(y, x)[0];
            ASSERT_EQ(found, y < s.h && x < s.w ? 5 : 0) << y << " " << x << " of " << s.h << "x" << s.w;
          }
      }
      Codes packed;
      packed.bits = 8;
      packed.image_bytes = large.elements();
      packed.packed.resize(size_t(large.elements()));
      packed.packed.fill_bytes(5);
      for (const Shape s : {large, small}) {
        image.shape(5, 5, 0, 0, words ? 16 : 8, 0);
        place_codes(ctx, packed, 0, s, words, scratch, image);
        for (int y = 0; y < 5; ++y)
          for (int x = 0; x < 5; ++x) ASSERT_EQ(image.pixel(y, x)[0], y < s.h && x < s.w ? 5 : 0);
      }
    }
}

ProductShape any_product() {
  ProductShape s;
  s.kh = *rc::gen::inRange(1, 6), s.kw = *rc::gen::inRange(1, 8);
  s.stride = *rc::gen::inRange(1, 4);
  s.pad = *rc::gen::inRange(0, std::min(s.kh, s.kw));
  s.in = {*rc::gen::inRange(s.kh, s.kh + 7), *rc::gen::inRange(s.kw, s.kw + 12), *rc::gen::inRange(1, 41)};
  s.out = {(s.in.h + 2 * s.pad - s.kh) / s.stride + 1, (s.in.w + 2 * s.pad - s.kw) / s.stride + 1, *rc::gen::inRange(1, 81)};
  return s;
}

/// Byte `p` of the row of channel `c` that output row `y` meets at tap (dy, dx).
int64_t pixel_place(const GradientOperands& o, const ProductShape& s, int slot, int c, int y, int dy, int dx, int p) {
  return slot * o.x_image + c * o.x_channel + int64_t(y * s.stride + dy) * o.x_row + o.column_offset[dx] + p;
}

void require_x(const GradientOperands& o, const ProductShape& s, int slot, const std::vector<uint8_t>& codes, int zero) {
  for (int c = 0; c < o.k; ++c)
    for (int y = 0; y < s.out.h; ++y)
      for (int tap = 0; tap < s.taps(); ++tap) {
        const int dy = tap / s.kw, dx = tap % s.kw, iy = y * s.stride + dy - s.pad;
        for (int p = 0; p < s.out.w; ++p) {
          const int ix = p * s.stride + dx - s.pad;
          const bool inside = c < s.in.c && iy >= 0 && ix >= 0 && iy < s.in.h && ix < s.in.w;
          const int around = o.has_ones && c == s.in.c ? 1 : zero;
          const int expected = inside ? codes[(size_t(iy) * s.in.w + ix) * s.in.c + c] : around;
          RC_ASSERT(int(o.x[size_t(pixel_place(o, s, slot, c, y, dy, dx, p))]) == expected);
        }
        // Whole words are read, also beyond the row's end.
        RC_ASSERT(pixel_place(o, s, slot, c, y, dy, dx, 4 * o.blocks) <= int64_t(o.x.size()));
      }
}

void require_g(const GradientOperands& o, const ProductShape& s, int slot, const std::vector<int8_t>& codes) {
  for (int n = 0; n < o.n; ++n)
    for (int y = 0; y < s.out.h; ++y)
      for (int p = 0; p < 4 * o.blocks; ++p) {
        const int width = std::min(32, o.n - n / 32 * 32);
        const int64_t word = (int64_t(y) * o.blocks + p / 4) * width + n % 32;
        const int64_t at = n / 32 * o.g_panel + slot * o.g_image + word * 4 + p % 4;
        const int expected = p < s.out.w && n < s.out.c ? codes[(size_t(y) * s.out.w + p) * s.out.c + n] : 0;
        RC_ASSERT(int(int8_t(o.g[size_t(at)])) == expected);
      }
}

/// Images of codes [h][w][c], packed and plain.
struct SomeCodes {
  Codes codes;
  std::vector<std::vector<uint8_t>> plain;
};
SomeCodes any_codes(const Context& ctx, Shape s, int images, int bits) {
  SomeCodes some;
  some.codes.bits = bits;
  some.codes.image_bytes = packed_bytes(s.elements(), bits);
  some.codes.packed.resize(size_t(images * some.codes.image_bytes));
  for (int i = 0; i < images; ++i) {
    some.plain.push_back(random_codes<uint8_t>(s.elements(), 0, (1 << bits) - 1));
    ctx.quantize.pack(some.plain.back().data(), s.elements(), bits, some.codes.image(i));
  }
  return some;
}

TEST(GradientOperands, HoldEveryTapsPixelsAsNeighboursAndZerosAround) {
  EXPECT_TRUE(rc::check("any kernel, stride, pad, images; after another geometry, and again after fewer images", [] {
    const Context ctx(some_config());
    GradientOperands o;
    const ProductShape mine = any_product(), other = any_product();
    const int zero = *rc::gen::element(0, 8, 128), images = *rc::gen::inRange(1, 4);
    const bool was_used = *rc::gen::arbitrary<bool>(), joins = *rc::gen::arbitrary<bool>();
    const bool was_joined = *rc::gen::arbitrary<bool>();
    if (was_used) {
      o.shape(other, was_joined, *rc::gen::inRange(1, 4), uint8_t(zero));
      if (!(other == mine) || was_joined != joins) o.x.fill_bytes(99), o.g.fill_bytes(99);  // nothing of another geometry stays
    }
    for (const int count : {images, *rc::gen::inRange(1, images + 1), images + 1}) {
      o.shape(mine, joins, count, uint8_t(zero));
      RC_ASSERT(o.images == count && o.k >= mine.in.c && o.k % 4 == 0 && o.n >= mine.out.c && o.n % 16 == 0);
      if (joins && mine.stride == 1) RC_ASSERT(4 * o.blocks == o.x_row && 4 * o.blocks >= mine.out.w);
      else RC_ASSERT(4 * o.blocks >= mine.out.w && 4 * o.blocks < mine.out.w + 4);
      RC_ASSERT(o.has_ones == (zero != 0 && o.k > mine.in.c));
      const SomeCodes x = any_codes(ctx, mine.in, count, *rc::gen::element(4, *rc::gen::inRange(1, 9)));
      std::vector<std::vector<int8_t>> g;
      Buffer<uint8_t> scratch;
      for (int i = 0; i < count; ++i) {
        g.push_back(random_codes<int8_t>(mine.out.elements(), -127, 127));
      }
      for (int slot = count - 1; slot >= 0; --slot) {
        o.load_x(ctx, x.codes, count - 1 - slot, slot, scratch);  // in another order
        o.load_g(ctx, g[slot].data(), slot);
      }
      for (int slot = 0; slot < count; ++slot) {
        require_x(o, mine, slot, x.plain[count - 1 - slot], zero);
        require_g(o, mine, slot, g[slot]);
      }
    }
  }));
}

TEST(GradientOperands, AnotherZeroPointFillsTheFrameAnew) {
  const Context ctx(some_config());
  const ProductShape s{3, 3, 2, 1, {5, 5, 3}, {3, 3, 4}};
  GradientOperands o;
  Codes codes;
  codes.bits = 8;
  codes.packed.resize(size_t(s.in.elements()));
  codes.packed.fill_bytes(200);
  Buffer<uint8_t> scratch;
  for (const int zero : {0, 8, 128, 0}) {
    o.shape(s, false, 2, uint8_t(zero));
    o.load_x(ctx, codes, 0, 1, scratch);
    EXPECT_EQ(int(o.x[size_t(pixel_place(o, s, 1, 0, 0, 0, 1, 0))]), zero);
    EXPECT_EQ(int(o.x[size_t(pixel_place(o, s, 1, 0, 0, 1, 1, 0))]), 200);
  }
}

}  // namespace
}  // namespace subbyte
