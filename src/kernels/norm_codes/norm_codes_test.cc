// Saved codes of a normalization on every instruction set: equal to the equations of norm_codes.h, and without a bias.
#include "kernels/norm_codes/norm_codes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/test_support.h"

namespace subbyte {
namespace {

/// All widths that save less than the code has.
std::vector<SavedNormCode> all_widths() {
  std::vector<SavedNormCode> widths;
  for (int code_bits = 3; code_bits <= 8; ++code_bits)
    for (int saved = 2; saved < code_bits; ++saved)
      for (const bool has_mask : {false, true})
        if (saved - 1 - has_mask >= 1) widths.push_back({code_bits, saved, has_mask});
  return widths;
}

TEST(NormCodes, KeepSignMagnitudeAndMask) {
  EXPECT_TRUE(rc::check("saved = [q < 0][z > 0]m, restored = q < 0 ? -1 - 2^s m : 2^s m", [] {
    Contents contents = any_contents();
    const SavedNormCode f = *rc::gen::elementOf(all_widths());
    const int count = *rc::gen::inRange(1, 700), start = *rc::gen::inRange(0, 256), zero = 1 << (f.code_bits - 1);
    const int s = f.shift(), m = f.magnitude_bits();
    Guarded<uint8_t> codes(count, any_offset()), mask((count + 7) / 8, any_offset());
    contents.fill(codes, 1, 2 * zero - 1);
    contents.fill(mask, 0, 255);
    std::vector<uint8_t> saved, restored, bits((count + 7) / 8, 0);
    for (int i = 0; i < count; ++i) {
      const int q = codes[i] - zero, lane = i % 64, dither = (11 * lane + 7 * (lane / 16) + 5 * (i / 64) + start) % (1 << s);
      const int level = ((q < 0 ? -1 - q : q) + dither) / (1 << s), magnitude = std::min(level, (1 << m) - 1);
      const int positive = mask[i / 8] >> i % 8 & 1;
      saved.push_back(uint8_t((q < 0) << (f.saved_bits - 1) | (f.has_mask && positive) << m | magnitude));
      restored.push_back(uint8_t(zero + (q < 0 ? -1 - magnitude * (1 << s) : magnitude * (1 << s))));
      if (positive) bits[i / 8] = uint8_t(bits[i / 8] | 1 << i % 8);
    }
    for (Isa isa : supported_isas()) {
      Guarded<uint8_t> place = codes, found(bits.size(), any_offset());
      norm_code_kernels(isa).save(place.data(), f.has_mask ? mask.data() : nullptr, count, f, start);
      require_same(place, saved, "saved code", isa);
      Guarded<uint8_t> again = place;
      norm_code_kernels(isa).restore(place.data(), found.data(), count, f);
      require_same(place, restored, "restored code", isa);
      if (f.has_mask) require_same(found, bits, "restored mask", isa);
      norm_code_kernels(isa).restore(again.data(), nullptr, count, f);
      require_same(again, restored, "code restored without its mask", isa);
    }
  }));
}

TEST(NormCodes, HaveTheCodeAsTheirMeanOverTheDither) {
  for (const SavedNormCode& f : all_widths()) {
    const int zero = 1 << (f.code_bits - 1), draws = 1 << f.shift();
    for (int q = -f.top(); q <= f.top(); ++q) {
      int sum = 0;
      for (int start = 0; start < draws; ++start) {
        uint8_t code = uint8_t(q + zero);
        const uint8_t mask = 1;
        norm_code_kernels(Isa::scalar).save(&code, &mask, 1, f, start);
        norm_code_kernels(Isa::scalar).restore(&code, nullptr, 1, f);
        sum += code - zero;
      }
      EXPECT_EQ(sum, q * draws) << q << " of " << f.code_bits << " bits saved in " << f.saved_bits;
    }
  }
}

TEST(NormCodes, DitherTakesAllValuesWithinTheChannelsOfAnImage) {
  for (const int channels : {16, 32, 64})
    for (int c = 0; c < channels; ++c) {
      std::vector<int> count(16, 0);
      for (int p = 0; p < 64; ++p) ++count[norm_code_dither(int64_t(p) * channels + c, 3) % 16];
      for (int times : count) EXPECT_EQ(times, 4) << "channel " << c << " of " << channels;
    }
}

}  // namespace
}  // namespace subbyte
