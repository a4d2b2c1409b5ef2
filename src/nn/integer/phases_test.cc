// The phases of a strided backward-data product against the scatter that defines it, and runs of neighbouring taps.
#include "nn/integer/phases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace subbyte {
namespace {

std::vector<ProductShape> all_shapes() {
  std::vector<ProductShape> shapes;
  for (int kernel = 0; kernel < 25; ++kernel)
    for (int stride = 1; stride <= 3; ++stride)
      for (int pad = 0; pad < 5; ++pad)
        for (const Shape in : {Shape{5, 7, 1}, Shape{8, 5, 1}, Shape{9, 6, 1}, Shape{1, 2, 1}, Shape{2, 1, 1}}) {
          const int kh = kernel / 5 + 1, kw = kernel % 5 + 1;
          const int h = in.h + 2 * pad - kh, w = in.w + 2 * pad - kw;
          if (pad > 0 && pad >= std::min(kh, kw)) continue;  // layers refuse it
          if (h >= 0 && w >= 0) shapes.push_back({kh, kw, stride, pad, in, {h / stride + 1, w / stride + 1, 1}});
        }
  return shapes;
}

std::string text(const ProductShape& s) {
  return std::to_string(s.kh) + "x" + std::to_string(s.kw) + " stride " + std::to_string(s.stride) + " pad " +
         std::to_string(s.pad) + " on " + std::to_string(s.in.h) + "x" + std::to_string(s.in.w);
}

/// dx by the definition: what forward reads at a tap gets the gradient through that tap.
std::vector<int> scattered(const ProductShape& s, const std::vector<int>& g, const std::vector<int>& w) {
  std::vector<int> dx(size_t(s.in.h) * s.in.w, 0);
  for (int y = 0; y < s.out.h; ++y)
    for (int x = 0; x < s.out.w; ++x)
      for (int tap = 0; tap < s.taps(); ++tap) {
        const int iy = y * s.stride - s.pad + tap / s.kw, ix = x * s.stride - s.pad + tap % s.kw;
        if (iy >= 0 && ix >= 0 && iy < s.in.h && ix < s.in.w) dx[iy * s.in.w + ix] += g[y * s.out.w + x] * w[tap];
      }
  return dx;
}

TEST(BackwardPhases, GiveTheInputGradientOfEveryKernelStridePadAndSize) {
  std::mt19937 random(1);
  for (const ProductShape& s : all_shapes()) {
    SCOPED_TRACE(text(s));
    std::vector<int> g(size_t(s.out.h) * s.out.w), w(s.taps());
    for (int& v : g) v = int(random() % 2001) - 1000;
    for (int& v : w) v = int(random() % 2001) - 1000;
    const BackwardPhases all = backward_phases(s);
    ASSERT_GE(all.height, all.top + s.out.h);
    ASSERT_GE(all.width, all.left + s.out.w);
    std::vector<int> framed(size_t(all.height) * all.width, 0), dx(size_t(s.in.h) * s.in.w, 0), written(dx.size(), 0);
    for (int y = 0; y < s.out.h; ++y)
      for (int x = 0; x < s.out.w; ++x) framed[(y + all.top) * all.width + x + all.left] = g[y * s.out.w + x];
    for (const Phase2d& phase : all.phases)
      for (int r = 0; r < phase.rows; ++r)
        for (int c = 0; c < phase.columns; ++c) {
          const int y = phase.y + r * s.stride, x = phase.x + c * s.stride;
          ASSERT_TRUE(y < s.in.h && x < s.in.w);
          ++written[y * s.in.w + x];
          for (size_t i = 0; i < phase.taps.size(); ++i) {
            const int gy = phase.row[i] + r, gx = phase.column[i] + c;
            ASSERT_TRUE(gy >= 0 && gx >= 0 && gy < all.height && gx < all.width);
            dx[y * s.in.w + x] += framed[gy * all.width + gx] * w[phase.taps[i]];
          }
        }
    ASSERT_EQ(written, std::vector<int>(written.size(), 1));  // every input pixel belongs to one phase
    ASSERT_EQ(dx, scattered(s, g, w));
  }
}

TEST(BackwardPhases, UseEachTapInOnePhaseAndReadAscendingPositions) {
  for (const ProductShape& s : all_shapes()) {
    SCOPED_TRACE(text(s));
    const BackwardPhases all = backward_phases(s);
    std::vector<int> taps;
    for (const Phase2d& phase : all.phases) {
      ASSERT_EQ(phase.row.size(), phase.taps.size());
      ASSERT_EQ(phase.column.size(), phase.taps.size());
      taps.insert(taps.end(), phase.taps.begin(), phase.taps.end());
      for (size_t i = 1; i < phase.taps.size(); ++i)
        ASSERT_LT(phase.row[i - 1] * all.width + phase.column[i - 1], phase.row[i] * all.width + phase.column[i]);
    }
    std::sort(taps.begin(), taps.end());
    // An input smaller than the stride has no pixel in some phases: their taps meet none.
    if (s.in.h >= s.stride && s.in.w >= s.stride) {
      std::vector<int> expected(s.taps());
      std::iota(expected.begin(), expected.end(), 0);
      ASSERT_EQ(taps, expected);
    } else {
      ASSERT_EQ(std::adjacent_find(taps.begin(), taps.end()), taps.end());
    }
  }
}

TEST(BackwardPhases, FramesAreNoLargerThanWhatIsRead) {
  for (const ProductShape& s : all_shapes()) {
    SCOPED_TRACE(text(s));
    const BackwardPhases all = backward_phases(s);
    int first_row = all.top, first_column = all.left, end_row = all.top + s.out.h, end_column = all.left + s.out.w;
    for (const Phase2d& phase : all.phases)
      for (size_t i = 0; i < phase.taps.size(); ++i) {
        first_row = std::min(first_row, phase.row[i]);
        first_column = std::min(first_column, phase.column[i]);
        end_row = std::max(end_row, phase.row[i] + phase.rows);
        end_column = std::max(end_column, phase.column[i] + phase.columns);
      }
    ASSERT_EQ(first_row, 0);
    ASSERT_EQ(first_column, 0);
    ASSERT_EQ(end_row, all.height);
    ASSERT_EQ(end_column, all.width);
  }
}

/// Where the words are that a product reads for a pixel, in order.
std::vector<int> words_of(const std::vector<int32_t>& offset, int words) {
  std::vector<int> all;
  for (const int32_t at : offset)
    for (int i = 0; i < words; ++i) all.push_back(at + 4 * i);
  return all;
}

TEST(MergeTaps, NeighboursOfARowAreOneRun) {
  for (int kh = 1; kh <= 5; ++kh)
    for (int kw = 1; kw <= 5; ++kw)
      for (int words = 1; words <= 4; ++words)
        for (int image_width = kw; image_width <= kw + 3; ++image_width) {
          std::vector<int32_t> offset;
          for (int tap = 0; tap < kh * kw; ++tap) offset.push_back((tap / kw * image_width + tap % kw) * words * 4);
          const TapRuns runs = merge_taps(offset, words);
          ASSERT_EQ(words_of(runs.offset, runs.words), words_of(offset, words));
          ASSERT_EQ(runs.offset.size(), size_t(image_width == kw ? 1 : kh));  // a kernel as wide as its image is all one
        }
}

TEST(MergeTaps, AnyOffsetsAreReadInTheirOrder) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 2000; ++trial) {
    const int words = int(random() % 3) + 1;
    std::vector<int32_t> offset;
    for (int tap = int(random() % 10); tap > 0; --tap)  // often neighbours, in irregular runs, also none
      offset.push_back(!offset.empty() && random() % 3 ? offset.back() + words * 4 : int32_t(random() % 50) * 4);
    const TapRuns runs = merge_taps(offset, words);
    ASSERT_EQ(words_of(runs.offset, runs.words), words_of(offset, words));
    ASSERT_GT(runs.words, 0);
  }
}

}  // namespace
}  // namespace subbyte
