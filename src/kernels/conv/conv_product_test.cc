// ImageProduct on every instruction set against the equation of conv.h in 64-bit integers.
#include <gtest/gtest.h>

#include "kernels/conv/conv_test_support.h"

namespace subbyte {
namespace {

TEST(Burst, IsTheMostWordsWhosePairsFitSixteenBits) {
  for (int u = 0; u <= 255; ++u)
    for (int s = 0; s <= 128; ++s) {
      const int burst = int16_burst(u, s);
      EXPECT_TRUE(u * s == 0 ? burst >= 1 : burst * 2 * u * s <= 32767 && (burst + 1) * 2 * u * s > 32767)
          << u << " " << s;
    }
}

TEST(Panels, FollowEachOtherAndTheLastOneMayBeNarrow) {
  for (const int n : {16, 32, 48, 64, 80, 160})
    for (const int64_t rows : {1, 2, 9}) {
      const std::vector<size_t> place = panel_places(rows, n);
      for (int64_t r = 0; r < rows; ++r)
        for (int column = 0; column < n; ++column) {
          ASSERT_EQ(panel_word(rows, n, r, column), int64_t(place[size_t(r) * n + column])) << rows << " " << n;
          ASSERT_EQ(panel_width(n, column), n % 32 && column >= n / 32 * 32 ? 16 : 32);
        }
    }
}

struct Trial {
  Bytes bytes;
  int taps, k, rows, pixels, n, shift, channels;
  int64_t pixel_step, row_step, y_pixel, y_row;
  bool has_sum;
  std::vector<int32_t> offset;
  std::vector<size_t> place;  // of w's words
  Guarded<uint8_t> a, w;
  Guarded<int32_t> init, sum, low, high;  // before
  std::vector<int> ahead = {};            // bytes of the ranges that are read ahead

  size_t y_count() const { return size_t((rows - 1) * y_row + (pixels - 1) * y_pixel + channels); }
};

/// The output dense, with gaps, or every s-th pixel of every s-th row, as a phase of a strided convolution's input.
void any_output(Trial& t) {
  const int kind = *rc::gen::inRange(0, 3), stride = *rc::gen::element(2, 3);
  t.y_pixel = t.channels;
  if (kind == 1) t.y_pixel += *rc::gen::element(0, 1, 7, 16, 100);
  t.y_row = t.pixels * t.y_pixel + (kind == 1 ? *rc::gen::element(0, 1, 40) : 0);
  if (kind == 2) t.y_pixel = stride * t.channels, t.y_row = int64_t(stride) * (t.pixels * stride - 1) * t.channels;
}

Trial any_trial(Contents& contents, Dot dot, int taps, int k, int pixels) {
  const int n = 16 * *rc::gen::inRange(1, 11), rows = *rc::gen::inRange(1, 6);
  const int64_t pixel_step = 4 * k * *rc::gen::element(0, 1, 2) + *rc::gen::element(0, 0, 3);
  const int64_t row_step = pixels * pixel_step + *rc::gen::element(0, 5, 64);
  // A kernel of one column: each tap lies one output row after the one before.
  const bool taps_follow_rows = *rc::gen::inRange(0, 3) == 0;
  const int reach = taps_follow_rows ? int(row_step) * std::max(0, taps - 1) + 3 : *rc::gen::inRange(0, 4 * k * 8 + 1);
  Trial t{any_bytes(dot), taps, k, rows, pixels, n, *rc::gen::element(*rc::gen::inRange(0, 21), *rc::gen::inRange(15, 40)),
          *rc::gen::element(n, n, n - *rc::gen::inRange(1, 16), *rc::gen::inRange(1, n + 1)), pixel_step, row_step, 0, 0,
          *rc::gen::arbitrary<bool>(), {}, panel_places(int64_t(taps) * k, n),
          Guarded<uint8_t>(size_t(reach + (rows - 1) * row_step + (pixels - 1) * pixel_step + 4 * k), any_offset()),
          Guarded<uint8_t>(size_t(taps) * k * n * 4, any_offset()), Guarded<int32_t>(n, any_offset()),
          Guarded<int32_t>(n, any_offset()), Guarded<int32_t>(n, any_offset()), Guarded<int32_t>(n, any_offset())};
  any_output(t);
  for (int tap = 0; tap < taps; ++tap)
    t.offset.push_back(taps_follow_rows ? 3 + int32_t(tap * row_step) : int32_t(contents.uniform(0, reach)));
  fill_first(contents, t.bytes, t.a);
  fill_second(contents, t.bytes, t.w.data(), t.w.size());
  const int64_t start = *rc::gen::element<int64_t>(INT32_MAX, 1 << 20, 1 << 10);
  contents.fill(t.init, -start, start);
  contents.fill(t.sum, -1000000, 1000000);
  const int64_t seen = *rc::gen::element<int64_t>(INT32_MAX, 1 << 20);
  contents.fill(t.low, -seen, seen);
  contents.fill(t.high, -seen, seen);
  for (int ranges = *rc::gen::inRange(0, 4); ranges > 0; --ranges) t.ahead.push_back(*rc::gen::element(0, 1, 63, 64, 65, 5000));
  return t;
}

/// What the header says is written; y's gaps hold the guards' pattern.
struct Result {
  explicit Result(const Trial& t, size_t offset = 0) : y(t.y_count(), offset), sum(t.sum), low(t.low), high(t.high) {}
  Guarded<int16_t> y;
  Guarded<int32_t> sum, low, high;
};

std::vector<int32_t> sums_of(const Trial& t) {
  std::vector<int32_t> acc;
  for (int row = 0; row < t.rows; ++row)
    for (int pixel = 0; pixel < t.pixels; ++pixel) {
      const uint8_t* at = t.a.data() + row * t.row_step + pixel * t.pixel_step;
      for (int column = 0; column < t.n; ++column) {
        int64_t sum = t.init[column];
        for (int tap = 0; tap < t.taps; ++tap)
          for (int word = 0; word < t.k; ++word)
            sum += dot_of(at + t.offset[tap] + 4 * word,
                          t.w.data() + 4 * t.place[(size_t(tap) * t.k + word) * t.n + column], t.bytes.dot);
        acc.push_back(wrapped(sum));
      }
    }
  return acc;
}

/// Lowers the shift where a sum has no room for a half that is added in 32 bits, which the caller of a product has to leave.
Result expected_result(Trial& t) {
  const std::vector<int32_t> acc = sums_of(t);
  const auto half = [&] { return t.shift ? int64_t{1} << (t.shift - 1) : 0; };
  if (*std::max_element(acc.begin(), acc.end()) > INT32_MAX - (1 << 16) && t.shift < 18) t.shift = 0;
  Result r(t);
  for (size_t i = 0; i < acc.size(); ++i) {
    const int column = int(i % t.n);
    const int64_t p = int64_t(i) / t.n, y = std::clamp<int64_t>(floor_shift(acc[i] + half(), t.shift), -16383, 16383);
    if (column < t.channels) r.y[p / t.pixels * t.y_row + p % t.pixels * t.y_pixel + column] = int16_t(y);
    if (t.has_sum) r.sum[column] += int32_t(y);
    r.low[column] = std::min(r.low[column], acc[i]);
    r.high[column] = std::max(r.high[column], acc[i]);
  }
  return r;
}

Result product(const Trial& t, Isa isa, size_t y_offset = 0) {
  Result r(t, y_offset);
  std::vector<ReadAhead> ahead;
  for (const int bytes : t.ahead) ahead.push_back({bytes ? t.w.data() : nullptr, bytes});
  conv_kernels(isa).product({t.a.data(), t.offset.data(), t.taps, t.k, t.pixel_step, t.row_step, t.rows, t.pixels, t.w.data(),
                             t.n, t.init.data(), t.bytes.burst, t.shift, t.channels, r.y.data(), t.y_pixel, t.y_row,
                             t.has_sum ? r.sum.data() : nullptr, r.low.data(), r.high.data(), ahead.data(), int(ahead.size())},
                            t.bytes.dot);
  return r;
}

void require_product(Trial& t, size_t y_offset = 0) {
  const Result expected = expected_result(t);
  for (Isa isa : supported_isas()) {
    const Result found = product(t, isa, y_offset);
    require_same(found.low, expected.low, "minima", isa);
    require_same(found.high, expected.high, "maxima", isa);
    require_same(found.y, expected.y, "y", isa);
    require_same(found.sum, expected.sum, "sums", isa);
  }
}

TEST(ConvProduct, IsTheNarrowedSumWithItsSumsAndExtremes) {
  for (const Dot dot : {Dot::u8s8, Dot::u8s8_wide, Dot::s16})
    EXPECT_TRUE(rc::check("any taps, words, pixels, columns and places of y, Dot " + std::to_string(int(dot)), [dot] {
      Contents contents = any_contents();
      Trial t = any_trial(contents, dot, *rc::gen::inRange(0, 26), *rc::gen::inRange(1, 13),
                          *rc::gen::element(*rc::gen::inRange(1, 41), 8 * *rc::gen::inRange(1, 6)));
      require_product(t, any_offset());
    }));
}

TEST(ConvProduct, EveryNumberOfPixelsAndColumnsIsExact) {
  Contents contents(1);
  for (const Dot dot : {Dot::u8s8, Dot::u8s8_wide, Dot::s16})
    for (int pixels = 1; pixels <= 40; ++pixels)
      for (const int n : {16, 32, 48, 80})
        for (const bool taps_follow_rows : {false, true}) {
          const int rows = 2 + pixels % 2, row = 8 * pixels + 4;
          Trial t{{dot, 15, 7, int16_burst(15, 7)}, 3, 2, rows, pixels, n, 5, n, 8, row, n, pixels * n, true, {0, 3, 16},
                  panel_places(6, n), Guarded<uint8_t>(size_t(row) * (rows + 3)), Guarded<uint8_t>(size_t(24) * n),
                  Guarded<int32_t>(n), Guarded<int32_t>(n), Guarded<int32_t>(n), Guarded<int32_t>(n)};
          if (taps_follow_rows) t.offset = {1, 1 + row, 1 + 2 * row};
          for (size_t i = 0; i < t.a.size(); ++i) t.a[i] = uint8_t(contents.uniform(0, dot == Dot::u8s8 ? 15 : 255));
          for (size_t i = 0; i < t.w.size(); ++i) t.w[i] = uint8_t(contents.uniform(-7, 7));
          for (int i = 0; i < n; ++i) t.init[i] = i, t.sum[i] = -i, t.low[i] = INT32_MAX, t.high[i] = INT32_MIN;
          ASSERT_NO_THROW(require_product(t, size_t(pixels % 3))) << pixels << " pixels, " << n << " columns, Dot " << int(dot);
        }
}

/// Lines are asked for between tiles, of which there may be fewer than lines, or more.
TEST(ConvProduct, WhatIsReadAheadChangesNothing) {
  EXPECT_TRUE(rc::check("the same bits with and without it, also where a range is empty", [] {
    Contents contents = any_contents();
    Trial t = any_trial(contents, Dot::u8s8_wide, *rc::gen::inRange(1, 4), *rc::gen::inRange(1, 5), *rc::gen::inRange(1, 41));
    for (Isa isa : supported_isas()) {
      t.ahead.clear();
      const Result expected = product(t, isa);
      t.ahead = {100, 0, 1 << *rc::gen::inRange(0, 18), 0, 7};
      const Result found = product(t, isa);
      require_same(found.y, expected.y, "y with reads ahead", isa);
      require_same(found.sum, expected.sum, "sums with reads ahead", isa);
      require_same(found.low, expected.low, "minima with reads ahead", isa);
      require_same(found.high, expected.high, "maxima with reads ahead", isa);
    }
  }));
}

TEST(ConvProduct, LongReductionsOfTheLargestOperandsStayExactAtTheLargestBurst) {
  EXPECT_TRUE(rc::check("hundreds of words, u = max_u, s = +max_s or -max_s", [] {
    Contents contents = any_contents();
    Trial t = any_trial(contents, Dot::u8s8, *rc::gen::inRange(9, 26), *rc::gen::inRange(20, 65), *rc::gen::inRange(1, 9));
    make_largest(t.bytes);
    std::fill_n(t.a.data(), t.a.size(), uint8_t(t.bytes.max_u));
    for (size_t i = 0; i < t.w.size(); ++i) t.w[i] = uint8_t(i / 4 % 2 ? t.bytes.max_s : -t.bytes.max_s);  // by column
    require_product(t);
    const int64_t sum = int64_t(4) * t.taps * t.k * t.bytes.max_u * t.bytes.max_s;
    for (Isa isa : supported_isas()) {  // and without the words' layout
      std::fill_n(t.low.data(), t.low.size(), INT32_MAX);
      const Result found = product(t, isa);
      for (int n = 0; n < t.n; ++n) RC_ASSERT(found.low[n] == wrapped(t.init[n] + (n % 2 ? sum : -sum)));
    }
  }));
}

/// No taps: y is what narrow makes of the start values.
TEST(ConvProduct, NarrowsAtTheEdgesOfTheStreamAndOfTheHalf) {
  constexpr int n = 48, pixels = 3;
  for (Isa isa : supported_isas())
    for (int shift = 0; shift <= 40; ++shift) {
      const int64_t half = shift ? int64_t{1} << (shift - 1) : 0, one = int64_t{1} << shift;
      for (const int64_t y : {-16385, -16384, -16383, -16382, -1, 0, 1, 16382, 16383, 16384})
        for (const int64_t beside : {-half - 1, -half, -half + 1, int64_t{-1}, int64_t{0}, int64_t{1}, half - 1, half}) {
          const int64_t acc = std::clamp<int64_t>(y * one + beside, INT32_MIN, INT32_MAX - (shift < 18 ? 1 << 16 : 0));
          const int32_t expected = int32_t(std::clamp<int64_t>(floor_shift(acc + half, shift), -16383, 16383));
          const std::vector<int32_t> init(n, int32_t(acc));
          std::vector<int32_t> sum(n, 0), low(n, INT32_MAX), high(n, INT32_MIN);
          std::vector<int16_t> out(n * pixels);
          const uint8_t nothing = 0;
          conv_kernels(isa).product({&nothing, nullptr, 0, 1, 0, 0, 1, pixels, &nothing, n, init.data(), 1, shift, n,
                                     out.data(), n, 0, sum.data(), low.data(), high.data()},
                                    Dot::u8s8);
          ASSERT_EQ(out, std::vector<int16_t>(n * pixels, int16_t(expected))) << isa_name(isa) << " " << shift << " " << acc;
          ASSERT_EQ(sum, std::vector<int32_t>(n, pixels * expected)) << isa_name(isa) << " " << shift << " " << acc;
          ASSERT_EQ(low, init) << isa_name(isa);
          ASSERT_EQ(high, init) << isa_name(isa);
        }
    }
}

/// 2^17 pixels of the largest y are what a channel's 32-bit sum holds.
TEST(ConvProduct, SumsHoldTheMostPixelsOfTheLargestValue) {
  constexpr int pixels = 1 << 17, n = 16;
  const uint8_t nothing = 0;
  std::vector<int16_t> y(size_t(pixels) * n);
  for (Isa isa : supported_isas())
    for (const int32_t top : {16383, -16383}) {
      const std::vector<int32_t> init(n, top);
      std::vector<int32_t> sum(n, 0), low(n, INT32_MAX), high(n, INT32_MIN);
      conv_kernels(isa).product({&nothing, nullptr, 0, 1, 0, 0, 256, pixels / 256, &nothing, n, init.data(), 1, 0, n,
                                 y.data(), n, n * pixels / 256, sum.data(), low.data(), high.data()},
                                Dot::u8s8_wide);
      EXPECT_EQ(sum, std::vector<int32_t>(n, top * pixels)) << isa_name(isa);
    }
}

}  // namespace
}  // namespace subbyte
