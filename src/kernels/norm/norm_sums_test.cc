// Sums over large images, in closed form.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/norm/norm.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

/// Partial sums in 16 or 32 bits must reach the channel's 64-bit sum before they overflow.
TEST(Norm, SumsOfOneChannelOfALargeImageDoNotOverflow) {
  constexpr int64_t count = 256 * 66000;
  std::vector<int16_t> y(count, 16383);
  const std::vector<int16_t> mu(256, -16383), limit(256, 126), pow2(256, 256), zero(256, 0);
  for (Isa isa : supported_isas()) {
    const NormKernels& kernels = norm_kernels(isa);
    int64_t sum = 0, square = 0, signs = 0, total = 0, product = 0;
    int32_t top = 0;
    kernels.deviation(y.data(), count, 1, mu.data(), false, &sum);
    kernels.deviation(y.data(), count, 1, mu.data(), true, &square);
    EXPECT_EQ(sum, count * 32766) << isa_name(isa);
    EXPECT_EQ(square, count * 32766 * 32766) << isa_name(isa);
    std::vector<int16_t> z(count);
    std::vector<uint8_t> q(count);
    kernels.forward(y.data(), count, {mu.data(), limit.data(), pow2.data(), zero.data(), zero.data(), 1, 8, nullptr, 1, 0,
                                      false, z.data(), q.data(), nullptr, &signs, &top});
    EXPECT_EQ(signs, count) << isa_name(isa);
    std::fill(q.begin(), q.end(), uint8_t(255));
    std::vector<int16_t> delta(count, 32767);
    kernels.reduce(count, {delta.data(), nullptr, q.data(), 1, 8, &total, &product, &top});
    EXPECT_EQ(total, count * 32767) << isa_name(isa);
    EXPECT_EQ(product, count * 32767 * 127) << isa_name(isa);
  }
}

/// The same for several channels, whose constants differ, in images of more pixels than partial sums hold: every channel
/// has the sums of its own constants.
TEST(Norm, SumsOfEveryChannelOfALargeImageDoNotOverflow) {
  for (const int channels : {2, 8, 16, 32, 64, 96, 160, 3, 40}) {
    const int64_t pixels = (1 << 17) / channels / 32 * 32 + 32, count = pixels * channels;
    const auto by_channel = [&](auto value) {
      std::vector<int16_t> values;
      for (int c = 0; c < channels; ++c) values.push_back(int16_t(value(c)));
      Buffer<int16_t> period;
      repeat_channels(values.data(), channels, period);
      return period;
    };
    const auto side = [](int c) { return c % 3 == 1 ? -1 : 1; };
    const Buffer<int16_t> mu = by_channel([&](int c) { return side(c) * (c - 16383); });
    const Buffer<int16_t> limit = by_channel([](int) { return 126; }), pow2 = by_channel([](int) { return 256; });
    const Buffer<int16_t> zero = by_channel([](int) { return 0; });
    std::vector<int16_t> y(count), z(count), delta(count);
    std::vector<uint8_t> q(count), top_q(count);
    for (int64_t i = 0; i < count; ++i) {
      const int c = int(i % channels);
      y[i] = int16_t(side(c) * 16383);
      delta[i] = int16_t(side(c) * (32767 - c));
      top_q[i] = uint8_t(c % 2 ? 255 : 1);
    }
    for (Isa isa : supported_isas()) {
      const NormKernels& kernels = norm_kernels(isa);
      std::vector<int64_t> sum(channels, 0), square(channels, 0), signs(channels, 0), total(channels, 0), product(channels, 0);
      std::vector<int32_t> z_max(channels, 0);
      int32_t top = 0;
      kernels.deviation(y.data(), count, channels, mu.data(), false, sum.data());
      kernels.deviation(y.data(), count, channels, mu.data(), true, square.data());
      kernels.forward(y.data(), count, {mu.data(), limit.data(), pow2.data(), zero.data(), zero.data(), channels, 8, nullptr, 1,
                                        0, false, z.data(), q.data(), nullptr, signs.data(), z_max.data()});
      std::vector<int16_t> d = delta;
      kernels.reduce(count, {d.data(), nullptr, top_q.data(), channels, 8, total.data(), product.data(), &top});
      EXPECT_EQ(top, 32767) << isa_name(isa);
      for (int c = 0; c < channels; ++c) {
        const int64_t apart = 32766 - c, largest = side(c) * (32767 - c), code = c % 2 ? 127 : -127;
        ASSERT_EQ(sum[c], pixels * apart) << isa_name(isa) << " channel " << c << " of " << channels;
        ASSERT_EQ(square[c], pixels * apart * apart) << isa_name(isa) << " channel " << c << " of " << channels;
        ASSERT_EQ(signs[c], pixels * side(c)) << isa_name(isa) << " channel " << c << " of " << channels;
        ASSERT_EQ(total[c], pixels * largest) << isa_name(isa) << " channel " << c << " of " << channels;
        ASSERT_EQ(product[c], pixels * largest * code) << isa_name(isa) << " channel " << c << " of " << channels;
      }
    }
  }
}

}  // namespace
}  // namespace subbyte
