// Operands of backward-weights on every instruction set, byte by byte, and that nothing beside them is written.
#include <gtest/gtest.h>

#include "kernels/conv/conv_test_support.h"

namespace subbyte {
namespace {

void check_transpose(Contents& contents, int bits, int count, int channels) {
  const auto any = [&](int64_t low, int64_t high) { return contents.uniform(low, high); };
  const auto code = [&](const uint8_t* pixel, int c) {
    return uint8_t(bits == 8 ? pixel[c] : pixel[c / 2] >> (c % 2 * 4) & 15);
  };
  const int rows = int(any(1, 3)), pixel_bytes = channels * bits / 8;
  const int64_t step = pixel_bytes * any(1, 3) + any(0, 1) * any(0, 5), row_step = any(0, 1) * any(0, 9) + count * step;
  const int64_t out_row = count + any(0, 1) * any(0, 20), out_channel = rows * out_row + any(0, 1) * any(0, 100);
  Guarded<uint8_t> pixels(size_t((rows - 1) * row_step + (count - 1) * step + pixel_bytes), size_t(any(0, 15)));
  contents.fill(pixels, 0, 255);
  Guarded<uint8_t> expected(size_t((channels - 1) * out_channel + (rows - 1) * out_row + count));
  for (int c = 0; c < channels; ++c)
    for (int row = 0; row < rows; ++row)
      for (int j = 0; j < count; ++j)
        expected[c * out_channel + row * out_row + j] = code(pixels.data() + row * row_step + j * step, c);
  for (Isa isa : supported_isas()) {
    Guarded<uint8_t> out(expected.size(), size_t(any(0, 15)));
    conv_kernels(isa).transpose({pixels.data(), bits, row_step, step, rows, count, channels, out.data(), out_channel, out_row});
    ASSERT_NO_THROW(require_same(out, expected, "transpose", isa)) << count << " pixels, " << channels << " channels";
  }
}

TEST(ConvTranspose, TurnsRowsOfPixelsIntoRowsOfChannels) {
  Contents contents(1);
  for (int count = 1; count <= 40; ++count)
    for (const int channels : {1, 3, 15, 16, 17, 31, 32, 40, 47, 48, 70}) check_transpose(contents, 8, count, channels);
}

TEST(ConvTranspose, TurnsNibblesIntoBytes) {
  Contents contents(3);
  for (int count = 1; count <= 40; ++count)
    for (const int channels : {2, 4, 14, 16, 18, 30, 32, 34, 48, 64, 70}) check_transpose(contents, 4, count, channels);
}

/// Byte j of word (row, b, n) is channel n of pixel 4 b + j.
TEST(ConvGradientWords, HoldFourNeighboursOfARowAndZerosBeyondItsEndAndTheChannels) {
  Contents contents(2);
  const auto any = [&](int64_t low, int64_t high) { return contents.uniform(low, high); };
  for (int pixels = 1; pixels <= 18; ++pixels)
    for (int channels = 1; channels <= 80; channels += channels % 16 == 15 || channels % 16 < 2 ? 1 : 3) {
      const int rows = int(any(1, 3)), n = (channels + 15) / 16 * 16 + 16 * int(any(0, 2) == 0), panels = (n + 31) / 32;
      const int blocks = (pixels + 3) / 4 + int(any(0, 2)) / 2, last_width = n - 32 * (panels - 1);
      const int64_t out_panel = int64_t(rows) * blocks * 32 * 4 + any(0, 1) * any(0, 24);
      Guarded<uint8_t> codes(size_t(rows) * pixels * channels, size_t(any(0, 15)));
      contents.fill(codes, 1, 255);
      Guarded<uint8_t> expected(size_t((panels - 1) * out_panel + int64_t(rows) * blocks * last_width * 4));
      for (int panel = 0; panel < panels; ++panel) {
        uint8_t* to = expected.data() + panel * out_panel;
        for (int row = 0; row < rows; ++row)
          for (int b = 0; b < blocks; ++b)
            for (int c = 32 * panel; c < std::min(32 * panel + 32, n); ++c)
              for (int p = 4 * b; p < 4 * b + 4; ++p)
                *to++ = p < pixels && c < channels ? codes[(size_t(row) * pixels + p) * channels + c] : uint8_t(0);
      }
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> out(expected.size(), size_t(any(0, 15)));
        conv_kernels(isa).gradient_words({codes.data(), rows, pixels, channels, n, blocks, out.data(), out_panel});
        ASSERT_NO_THROW(require_same(out, expected, "gradient_words", isa))
            << rows << " rows, " << pixels << " pixels, " << channels << " of " << n << " channels";
      }
    }
}

}  // namespace
}  // namespace subbyte
