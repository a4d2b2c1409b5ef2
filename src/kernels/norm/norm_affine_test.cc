// The folded normalization on every instruction set against norm.h's equation in 64-bit integers.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/norm/norm.h"
#include "kernels/period.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

/// Constants as wide as their types, where the sum leaves room in 32 bits and z in 16.
struct Constants {
  std::vector<int16_t> scale, shift, low, high;
  std::vector<int32_t> offset;
};

Constants any_constants(Contents& contents, int channels) {
  Constants k;
  for (int c = 0; c < channels; ++c) {
    k.scale.push_back(int16_t(contents.uniform(-32767, 32767)));
    k.offset.push_back(int32_t(contents.uniform(-3, 3) * (1 << 28) + contents.uniform(-32768, 32767)));
    k.shift.push_back(int16_t(contents.uniform(0, 15)));
    const auto end = [&] { return int16_t(contents.uniform(-16000, 16000)); };
    const int16_t a = end(), b = contents.uniform(0, 9) ? end() : a;
    k.low.push_back(std::min(a, b));
    k.high.push_back(std::max(a, b));
  }
  return k;
}

TEST(NormAffine, IsAMultiplierAnOffsetAShiftAndTwoLimitsAChannel) {
  EXPECT_TRUE(rc::check("with and without residual and ReLU, also in place", [] {
    Contents contents = any_contents();
    const int channels = any_channels(), pixels = any_pixels(channels), k = *rc::gen::inRange(0, 15);
    const bool has_residual = *rc::gen::arbitrary<bool>(), relu = *rc::gen::arbitrary<bool>();
    const size_t count = size_t(channels) * size_t(pixels);
    Guarded<int16_t> y(count, any_offset()), residual(count, any_offset());
    contents.fill(y, -16383, 16383);
    contents.fill(residual, -(32767 >> k), 32767 >> k);
    const int16_t pow2 = int16_t(1 << k), multiplier = int16_t(contents.uniform(-16000, 16000));
    const Constants constants = any_constants(contents, channels);
    std::vector<int16_t> z;
    for (size_t i = 0; i < count; ++i) {
      const size_t c = i % size_t(channels);
      const int64_t sum = int64_t(y[i]) * constants.scale[c] + constants.offset[c];
      RC_ASSERT(std::abs(sum) < int64_t{1} << 31);
      int64_t v = std::clamp<int64_t>(floor_shift(sum, constants.shift[c]), constants.low[c], constants.high[c]);
      if (has_residual) v += high_product(residual[i] * pow2, multiplier);
      if (has_residual && relu) v = std::max<int64_t>(v, 0);
      z.push_back(int16_t(v));
    }
    Buffer<int16_t> scale, shift, low, high;
    Buffer<int32_t> offset;
    repeat_channels(constants.scale.data(), channels, scale);
    repeat_channels(constants.shift.data(), channels, shift);
    repeat_channels(constants.low.data(), channels, low);
    repeat_channels(constants.high.data(), channels, high);
    repeat_channels(constants.offset.data(), channels, offset);
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> out(count, any_offset()), place = y;
      for (Guarded<int16_t>* to : {&out, &place})
        norm_kernels(isa).affine((to == &place ? place : y).data(), int64_t(count),
                                 {scale.data(), offset.data(), shift.data(), low.data(), high.data(), channels,
                                  has_residual ? residual.data() : nullptr, pow2, multiplier, relu, to->data()});
      require_same(out, z, "z", isa);
      require_same(place, z, "z in y's place", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
