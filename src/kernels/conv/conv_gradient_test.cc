// WeightsGradient on every instruction set against the equation of conv.h in 64-bit integers.
#include <gtest/gtest.h>

#include "kernels/conv/conv_test_support.h"

namespace subbyte {
namespace {

struct Trial {
  Bytes bytes;
  int images, rows, blocks, kh, kw, k, n, row_step, x_row, first_panel, last_panel;
  int64_t x_image, x_channel, g_image, g_panel;
  std::vector<int32_t> column_offset;
  std::vector<int> shift;  // falling
  Guarded<uint8_t> x, g;
  Guarded<int32_t> before;

  int panels() const { return (n + 31) / 32; }
  /// Bytes of the gradient's word.
  const uint8_t* gradient(int image, int row, int block, int column) const {
    const int panel = column / 32, width = std::min(32, n - 32 * panel);
    return g.data() + panel * g_panel + image * g_image + ((int64_t(row) * blocks + block) * width + column % 32) * 4;
  }
  const uint8_t* pixels(int image, int channel, int row, int block) const {
    return x.data() + image * x_image + channel * x_channel + int64_t(row) * x_row + 4 * block;
  }
};

Trial any_trial(Contents& contents, Dot dot, int rows, int blocks) {
  Trial t{any_bytes(dot), *rc::gen::inRange(1, 6), rows, blocks, *rc::gen::inRange(1, 5), *rc::gen::inRange(1, 8),
          4 * *rc::gen::inRange(1, 11), 16 * *rc::gen::inRange(1, 9), *rc::gen::inRange(1, 4), 0, 0, 0, 0, 0, 0, 0, {}, {},
          Guarded<uint8_t>(0), Guarded<uint8_t>(0), Guarded<int32_t>(0)};
  // A kernel column's pixels begin in the phase of its stride, or anywhere.
  const int stride = *rc::gen::inRange(1, 4), phase = (t.kw - 1) / stride + 4 * blocks + *rc::gen::element(0, 0, 3);
  t.x_row = stride * phase + *rc::gen::element(0, 0, 5);
  const bool anywhere = *rc::gen::inRange(0, 4) == 0;
  for (int dx = 0; dx < t.kw; ++dx) {
    const int in_its_phase = dx % stride * phase + dx / stride;
    t.column_offset.push_back(anywhere ? int32_t(contents.uniform(0, t.x_row - 4 * blocks)) : in_its_phase);
  }
  for (int i = 0; i < t.images; ++i) t.shift.push_back(int(contents.uniform(0, *rc::gen::element(0, 3, 20))));
  std::sort(t.shift.rbegin(), t.shift.rend());
  t.first_panel = *rc::gen::element(0, *rc::gen::inRange(0, t.panels() + 1));
  t.last_panel = *rc::gen::element(t.panels(), *rc::gen::inRange(t.first_panel, t.panels() + 1));
  t.x_channel = ((rows - 1) * t.row_step + t.kh) * int64_t(t.x_row) + *rc::gen::element(0, 3);
  t.x_image = t.k * t.x_channel + *rc::gen::element(0, 7);
  t.g_image = int64_t(rows) * blocks * 32 * 4 + *rc::gen::element(0, 12);
  t.g_panel = t.images * t.g_image + *rc::gen::element(0, 8);
  t.x = Guarded<uint8_t>(size_t(t.images * t.x_image), any_offset());
  t.g = Guarded<uint8_t>(size_t(t.panels() * t.g_panel), any_offset());
  t.before = Guarded<int32_t>(size_t(t.kh) * t.kw * t.k * t.n, any_offset());
  fill_first(contents, t.bytes, t.x);
  fill_second(contents, t.bytes, t.g.data(), t.g.size());
  contents.fill(t.before, INT32_MIN, INT32_MAX);
  return t;
}

Guarded<int32_t> expected_gradient(const Trial& t) {
  Guarded<int32_t> dw = t.before;
  const int end = std::min(t.n, t.last_panel * 32);
  for (int dy = 0; dy < t.kh; ++dy)
    for (int dx = 0; dx < t.kw; ++dx)
      for (int k = 0; k < t.k; ++k)
        for (int n = t.first_panel * 32; n < end; ++n) {
          int32_t& to = dw[((size_t(dy) * t.kw + dx) * t.k + k) * t.n + n];
          for (int i = 0; i < t.images; ++i) {
            int64_t sum = 0;
            for (int row = 0; row < t.rows; ++row)
              for (int b = 0; b < t.blocks; ++b)
                sum += dot_of(t.pixels(i, k, row * t.row_step + dy, b) + t.column_offset[dx], t.gradient(i, row, b, n),
                              t.bytes.dot);
            to = wrapped(to + sum * (int64_t{1} << t.shift[i]));
          }
        }
  return dw;
}

Guarded<int32_t> weights_gradient(const Trial& t, Isa isa) {
  Guarded<int32_t> dw = t.before;
  conv_kernels(isa).weights_gradient(
      {t.x.data(), t.x_image, t.x_channel, t.x_row, t.row_step, t.column_offset.data(), t.g.data(), t.g_image, t.g_panel,
       t.shift.data(), t.images, t.rows, t.blocks, t.kh, t.kw, t.k, t.n, t.bytes.burst, t.first_panel, t.last_panel, dw.data()},
      t.bytes.dot);
  return dw;
}

void require_gradient(const Trial& t) {
  const Guarded<int32_t> expected = expected_gradient(t);
  for (Isa isa : supported_isas()) require_same(weights_gradient(t, isa), expected, "weights_gradient", isa);
}

TEST(ConvWeightsGradient, AddsEveryImagesShiftedSumsToThePanelsItIsAskedFor) {
  for (const Dot dot : {Dot::u8s8, Dot::u8s8_wide})
    EXPECT_TRUE(rc::check("any images, rows, blocks, kernel, channels, stride, Dot " + std::to_string(int(dot)), [dot] {
      Contents contents = any_contents();
      require_gradient(any_trial(contents, dot, *rc::gen::inRange(1, 8), *rc::gen::inRange(1, 11)));
    }));
}

/// Rows that follow each other without a gap, as tiles read them: the end of G's rows is zero, and what X has there, also
/// behind its last row, is read.
TEST(ConvWeightsGradient, JoinedRowsReadAcrossTheirEnds) {
  EXPECT_TRUE(rc::check("x_row = 4 blocks, columns that begin in it", [] {
    Contents contents = any_contents();
    Trial t = any_trial(contents, Dot::u8s8, *rc::gen::inRange(1, 34), *rc::gen::inRange(1, 10));
    t.row_step = 1;
    t.x_row = 4 * t.blocks;
    for (int dx = 0; dx < t.kw; ++dx) t.column_offset[dx] = dx;
    t.x_channel = (t.rows + t.kh - 1) * int64_t(t.x_row);
    t.x_image = t.k * t.x_channel;
    t.x = Guarded<uint8_t>(size_t(t.images * t.x_image + t.kw - 1), any_offset());
    fill_first(contents, t.bytes, t.x);
    require_gradient(t);
  }));
}

TEST(ConvWeightsGradient, LongReductionsOfTheLargestOperandsStayExactAtTheLargestBurst) {
  EXPECT_TRUE(rc::check("hundreds of blocks, u = max_u, s = +max_s or -max_s", [] {
    Contents contents = any_contents();
    Trial t = any_trial(contents, Dot::u8s8, *rc::gen::inRange(10, 25), *rc::gen::inRange(10, 18));
    make_largest(t.bytes);
    std::fill_n(t.x.data(), t.x.size(), uint8_t(t.bytes.max_u));
    for (int i = 0; i < t.images; ++i)
      for (int row = 0; row < t.rows; ++row)
        for (int b = 0; b < t.blocks; ++b)
          for (int n = 0; n < t.n; ++n)
            std::memset(const_cast<uint8_t*>(t.gradient(i, row, b, n)), n % 2 ? t.bytes.max_s : -t.bytes.max_s, 4);
    int64_t sum = 0;
    for (int shift : t.shift) sum += (int64_t(4) * t.rows * t.blocks * t.bytes.max_u * t.bytes.max_s) << shift;
    for (Isa isa : supported_isas()) {
      const Guarded<int32_t> dw = weights_gradient(t, isa);
      for (size_t i = 0; i < dw.size(); ++i) {
        const int n = int(i) % t.n;
        const bool inside = n / 32 >= t.first_panel && n / 32 < t.last_panel;
        RC_ASSERT(dw[i] == wrapped(t.before[i] + (inside ? n % 2 ? sum : -sum : 0)));
      }
    }
  }));
}

TEST(ConvWeightsGradient, PanelsThatThreadsShareGiveTheWhole) {
  EXPECT_TRUE(rc::check("two calls that split the panels leave what one call does", [] {
    Contents contents = any_contents();
    Trial whole = any_trial(contents, Dot::u8s8, *rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5));
    whole.first_panel = 0, whole.last_panel = whole.panels();
    const int cut = *rc::gen::inRange(0, whole.panels() + 1);
    for (Isa isa : supported_isas()) {
      Trial part = whole;
      part.last_panel = cut;
      part.before = weights_gradient(part, isa);
      part.first_panel = cut, part.last_panel = whole.panels();
      require_same(weights_gradient(part, isa), weights_gradient(whole, isa), "split panels", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
