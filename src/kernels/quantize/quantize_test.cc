// The quantizer's passes on every instruction set against their definitions in exact arithmetic.
#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/period.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

constexpr int all_bits[] = {2, 3, 4, 5, 6, 7, 8};

/// A grid as the header describes it: |z| <= limit[c] gives |z'| <= top * 2^fraction.
struct Trial {
  int channels, bits, top, fraction;
  bool is_signed;
  int64_t count;
  int16_t multiplier;
  Buffer<int16_t> limit, pow2;
  Guarded<int16_t> z;

  QuantizeGrid grid() const { return {limit.data(), pow2.data(), int(limit.size()), multiplier, fraction}; }
  int zero() const { return is_signed ? 1 << (bits - 1) : 0; }
  /// z' as an exact integer.
  int64_t value(int64_t i) const {
    const int64_t top_z = limit[i % channels];
    return high_product(std::clamp<int64_t>(z[i], -top_z, top_z) * pow2[i % channels], multiplier);
  }
};

Trial any_trial(int bits, bool is_signed, int most_fraction = 16) {
  const int channels = any_channels(), pixels = any_pixels(channels);
  const int most = std::min(most_fraction, is_signed ? 15 - bits : 14 - bits);
  Trial t{channels, bits, (1 << (is_signed ? bits - 1 : bits)) - 1, *rc::gen::element(most, *rc::gen::inRange(6, most + 1)),
          is_signed, int64_t(channels) * pixels, 0, {}, {}, Guarded<int16_t>(size_t(channels) * pixels, any_offset())};
  Contents contents = any_contents();
  const int range = int(contents.uniform(1, 32767)) >> contents.uniform(0, 14) | 1;
  int k = 0;
  while (range << k < 1 << 14) ++k;
  t.multiplier = int16_t((int64_t(t.top) << (t.fraction + 15)) / (range << k));
  std::vector<int16_t> limit, pow2;
  for (int c = 0; c < channels; ++c) {
    const int n = int(contents.uniform(0, std::min(7, 14 - k)));
    limit.push_back(int16_t(range >> n));
    pow2.push_back(int16_t(1 << (n + k)));
  }
  repeat_channels(limit.data(), channels, t.limit);
  repeat_channels(pow2.data(), channels, t.pow2);
  if (*rc::gen::arbitrary<bool>()) {
    contents.fill(t.z, is_signed ? -32768 : 0, 32767);
  } else {  // what a channel's range holds
    contents.fill(t.z, is_signed ? -range : 0, range);
    for (int64_t i = 0; i < t.count; ++i) t.z[i] = std::clamp(t.z[i], int16_t(-limit[i % channels]), limit[i % channels]);
  }
  return t;
}

/// value / 2^fraction rounded to the nearest integer, ties to the even one.
int64_t nearest_even(int64_t value, int fraction) {
  const int64_t below = floor_shift(value, fraction), twice = 2 * (value - below * (int64_t{1} << fraction));
  const int64_t one = int64_t{1} << fraction;
  return twice < one || (twice == one && below % 2 == 0) ? below : below + 1;
}

TEST(Nearest, IsRoundHalfToEvenOfTheGridValue) {
  for (const int bits : all_bits)
    EXPECT_TRUE(rc::check("codes of every instruction set, " + std::to_string(bits) + " bits", [bits] {
      const Trial t = any_trial(bits, *rc::gen::arbitrary<bool>());
      std::vector<uint8_t> expected;
      for (int64_t i = 0; i < t.count; ++i) {
        const int64_t q = nearest_even(t.value(i), t.fraction);
        RC_ASSERT(q >= (t.is_signed ? -t.top : 0) && q <= t.top);
        expected.push_back(uint8_t(q + t.zero()));
      }
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> codes(expected.size(), any_offset());
        quantize_kernels(isa).nearest(t.z.data(), t.count, t.grid(), t.zero(), codes.data());
        require_same(codes, expected, "nearest", isa);
      }
    }));
}

TEST(Nearest, TiesGoToTheEvenCode) {
  const std::vector<int16_t> limit(256, 16383), pow2(256, 2);
  const QuantizeGrid same{limit.data(), pow2.data(), 256, 16384, 7};  // z' = z
  const std::vector<int16_t> z = {0, 63, 64, 65, 127, 128, 191, 192, 193, 320, -63, -64, -65, -191, -192, -193, -320};
  const std::vector<uint8_t> expected = {8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 8, 8, 7, 7, 6, 6, 6};
  for (Isa isa : supported_isas()) {
    std::vector<uint8_t> codes(z.size());
    quantize_kernels(isa).nearest(z.data(), int64_t(z.size()), same, 8, codes.data());
    EXPECT_EQ(codes, expected) << isa_name(isa);
  }
}

/// Fields of `bits` bits one behind the other, the lowest first.
std::vector<uint8_t> bit_stream(const std::vector<int64_t>& codes, int bits) {
  std::vector<uint8_t> stream(size_t(packed_bytes(int64_t(codes.size()), bits)), 0);
  for (size_t i = 0; i < codes.size(); ++i)
    for (int b = 0; b < bits; ++b) {
      const size_t at = i * bits + b;
      stream[at / 8] = uint8_t(stream[at / 8] | ((codes[i] >> b) & 1) << (at % 8));
    }
  return stream;
}

TEST(NearestPacked, IsNearestThenPack) {
  for (const int bits : all_bits)
    EXPECT_TRUE(rc::check("packed codes of every instruction set, " + std::to_string(bits) + " bits", [bits] {
      Trial t = any_trial(bits, *rc::gen::arbitrary<bool>());
      if (*rc::gen::arbitrary<bool>())
        t.count -= *rc::gen::inRange<int64_t>(0, std::min<int64_t>(t.count, 9));  // an image may end inside a group of 8
      std::vector<int64_t> codes;
      for (int64_t i = 0; i < t.count; ++i) codes.push_back(nearest_even(t.value(i), t.fraction) + t.zero());
      const std::vector<uint8_t> expected = bit_stream(codes, bits);
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> packed(expected.size(), any_offset());
        quantize_kernels(isa).nearest_packed(t.z.data(), t.count, t.grid(), t.zero(), bits, packed.data());
        require_same(packed, expected, "nearest_packed", isa);
      }
    }));
}

/// What the header says of the place of a block's shifts.
struct ShiftBits {
  int64_t lanes, groups;
  explicit ShiftBits(int channels) : lanes(block_lanes(channels)), groups((lanes + 31) / 32) {}
  int64_t bytes(int64_t count) const { return (count + 16 * lanes - 1) / (16 * lanes) * groups * 8; }
  /// Bit b of element i's shift, counted from the first bit of the first byte.
  int64_t bit(int64_t i, int b) const {
    const int64_t block = i / (16 * lanes), lane = i % lanes;
    return ((block * groups + lane / 32) * 2 + b) * 32 + lane % 32;
  }
};

TEST(NearestBlocks, AreTheFinestCodesThatABlockFitsWithTheirShifts) {
  for (const int bits : all_bits)
    EXPECT_TRUE(rc::check("packed codes and shifts of every instruction set, " + std::to_string(bits) + " bits", [bits] {
      Trial t = any_trial(bits, false);
      RC_PRE(t.channels <= 512 || t.channels % 8 == 0);  // the header
      const int most = *rc::gen::inRange(0, std::min(3, 8 - bits) + 1);
      const ShiftBits place(t.channels);
      for (int64_t i = 0; i < t.count; ++i)
        t.z[size_t(i)] = int16_t(t.z[size_t(i)] / (1 << (i / (16 * place.lanes) + i) % 5));
      std::vector<int64_t> codes, shifts;
      for (int64_t i = 0; i < t.count; ++i) {
        const int64_t begin = i / (16 * place.lanes) * 16 * place.lanes, limit = t.limit[size_t(i % t.channels)];
        int64_t top = 0;
        for (int row = 0; row < 16; ++row) {
          const int64_t other = begin + row * place.lanes + i % place.lanes;
          if (other < t.count) top = std::max<int64_t>(top, t.z[size_t(other)]);
        }
        int e = 0;
        while (e < most && top <= limit >> (e + 1)) ++e;
        const int64_t v = high_product(std::min<int64_t>(t.z[size_t(i)], limit) * t.pow2[size_t(i % t.channels)] * (1 << e),
                                       t.multiplier);
        codes.push_back(nearest_even(v, t.fraction));
        shifts.push_back(most - e);
        RC_ASSERT(codes.back() >= 0 && codes.back() <= t.top);
      }
      std::vector<uint8_t> words(size_t(place.bytes(t.count)), 0), operands;
      RC_ASSERT(block_shift_bytes(t.count, t.channels) == place.bytes(t.count));
      for (int64_t i = 0; i < t.count; ++i) {
        operands.push_back(uint8_t(codes[size_t(i)] << shifts[size_t(i)]));
        for (int b = 0; b < 2; ++b) {
          const int64_t bit = place.bit(i, b);
          words[size_t(bit / 8)] = uint8_t(words[size_t(bit / 8)] | ((shifts[size_t(i)] >> b) & 1) << bit % 8);
        }
      }
      const int64_t pixels = t.count / t.channels, width = *rc::gen::inRange<int64_t>(1, pixels + 1), row = width * t.channels;
      const int64_t step = row + *rc::gen::inRange(0, 40);
      std::vector<uint8_t> framed(size_t((t.count + row - 1) / row * step), 99);  // between rows nothing is written
      for (int64_t i = 0; i < t.count; ++i) framed[size_t(i / row * step + i % row)] = operands[size_t(i)];
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> packed(size_t(packed_bytes(t.count, bits)), any_offset()), found(words.size(), any_offset());
        quantize_kernels(isa).nearest_blocks(t.z.data(), t.count, t.grid(), t.channels, most, bits, packed.data(),
                                             found.data());
        require_same(packed, bit_stream(codes, bits), "nearest_blocks", isa);
        // A lane's shift counts where the lane has an element: a block may have fewer than a row.
        for (int64_t i = 0; i < t.count; ++i)
          for (int b = 0; b < 2; ++b) {
            const int64_t bit = place.bit(i, b);
            RC_ASSERT((found[size_t(bit / 8)] >> bit % 8 & 1) == (words[size_t(bit / 8)] >> bit % 8 & 1));
          }
        Guarded<uint8_t> out(operands.size(), any_offset());
        quantize_kernels(isa).unpack_blocks(packed.data(), found.data(), t.count, t.channels, bits, t.count, 0, out.data());
        require_same(out, operands, "unpack_blocks", isa);
        Guarded<uint8_t> rows(framed.size(), any_offset());
        for (uint8_t& byte : framed) rows[size_t(&byte - framed.data())] = 99;
        quantize_kernels(isa).unpack_blocks(packed.data(), found.data(), t.count, t.channels, bits, row, step, rows.data());
        require_same(rows, framed, "unpack_blocks in rows", isa);
      }
    }));
}

TEST(Stochastic, IsTheFloorOfTheGridValueAndItsRandomFraction) {
  for (const int bits : all_bits)
    EXPECT_TRUE(rc::check("codes of every instruction set, " + std::to_string(bits) + " bits", [bits] {
      Trial t = any_trial(bits, true, 8);
      const int most = *rc::gen::inRange(0, 9 - bits);
      const int64_t lanes = block_lanes(t.channels);
      RC_ASSERT(lanes % t.channels == 0 && lanes >= 32 && lanes < 32 + t.channels);
      // Blocks of different ranges, so that all shifts occur.
      for (int64_t i = 0; i < t.count; ++i)
        t.z[size_t(i)] = int16_t(std::max<int>(t.z[size_t(i)], -32767) / (1 << (i / (16 * lanes) + i) % 5));
      Guarded<uint8_t> random(size_t(t.count), any_offset());
      any_contents().fill(random, 0, 255);
      std::vector<int8_t> expected;
      for (int64_t i = 0; i < t.count; ++i) {
        const int64_t begin = i / (16 * lanes) * 16 * lanes, limit = t.limit[size_t(i % t.channels)];
        int64_t top = 0;
        for (int row = 0; row < 16; ++row) {
          const int64_t other = begin + row * lanes + i % lanes;
          if (other < t.count) top = std::max<int64_t>(top, std::abs(int64_t(t.z[size_t(other)])));
        }
        int e = 0;
        while (e < most && top <= limit >> (e + 1)) ++e;
        const int64_t v = high_product(std::clamp<int64_t>(t.z[size_t(i)], -(limit >> e), limit >> e) *
                                           t.pow2[size_t(i % t.channels)] * (int64_t{1} << e),
                                       t.multiplier);
        const int64_t q = floor_shift(v + random[size_t(i)] / (1 << (8 - t.fraction)), t.fraction);
        RC_ASSERT(q >= -t.top && q <= t.top);
        expected.push_back(int8_t(q * (1 << (most - e))));
      }
      for (Isa isa : supported_isas()) {
        Guarded<int8_t> codes(expected.size(), any_offset());
        quantize_kernels(isa).stochastic(t.z.data(), t.count, t.grid(), t.channels, most, random.data(), codes.data());
        require_same(codes, expected, "stochastic", isa);
      }
    }));
}

TEST(Stochastic, AValueOnTheGridIsKeptByAnyRandomNumber) {
  const std::vector<int16_t> limit(256, 16383), pow2(256, 2);
  std::vector<uint8_t> random(256);
  std::iota(random.begin(), random.end(), uint8_t(0));
  std::vector<int8_t> codes(random.size());
  for (Isa isa : supported_isas())
    for (const int fraction : {6, 7, 8})
      for (const int q : {-7, -1, 0, 1, 7}) {
        const std::vector<int16_t> z(random.size(), int16_t(q * (1 << fraction)));
        quantize_kernels(isa).stochastic(z.data(), int64_t(z.size()), {limit.data(), pow2.data(), 256, 16384, fraction}, 32, 0,
                                         random.data(), codes.data());
        EXPECT_EQ(codes, std::vector<int8_t>(random.size(), int8_t(q))) << isa_name(isa);
      }
}

RandomStream any_stream() {
  return {{*rc::gen::arbitrary<uint32_t>(), *rc::gen::arbitrary<uint32_t>()},
          *rc::gen::element(0u, 16u, UINT32_MAX - 20, *rc::gen::arbitrary<uint32_t>()), *rc::gen::arbitrary<uint32_t>(),
          *rc::gen::arbitrary<uint32_t>(), *rc::gen::inRange(1u, 6u)};
}

TEST(Random, IsTheHeadersHalfOfTheHeadersPhiloxWord) {
  EXPECT_TRUE(rc::check("element e of chunk j, in whole chunks, on every instruction set", [] {
    const RandomStream s = any_stream();
    const int64_t count = *rc::gen::inRange(1, 2000), whole = (count + 127) / 128 * 128;
    std::vector<uint16_t> expected;
    for (int64_t i = 0; i < whole; ++i) {
      const uint32_t e = uint32_t(i % 128), counter = s.first_counter + 16 * uint32_t(i / 128) + e % 32 / 2;
      const uint32_t word = philox(s.key, {counter, s.tensor, s.step, s.use})[e / 32];
      expected.push_back(uint16_t(e % 2 ? word >> 16 : word));
    }
    for (Isa isa : supported_isas()) {
      Guarded<uint16_t> out(expected.size(), any_offset());
      quantize_kernels(isa).random(s, count, out.data());
      require_same(out, expected, "random", isa);
    }
  }));
}

TEST(Philox, GivesThePublishedVectors) {  // of the Random123 distribution, philox4x32-10
  EXPECT_EQ(philox({0, 0}, {0, 0, 0, 0}), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<uint16_t> random_values(const RandomStream& s, int64_t count) {
  std::vector<uint16_t> out(size_t(count + 127) / 128 * 128);
  quantize_kernels(selected_isa()).random(s, count, out.data());
  return out;
}

TEST(Random, AnElementsBitsDependOnItsIndexOnly) {
  EXPECT_TRUE(rc::check("any count, and any split at a chunk, gives the same values again", [] {
    const RandomStream s = any_stream();
    const std::vector<uint16_t> whole = random_values(s, 1280);
    RC_ASSERT(random_values(s, 1280) == whole);
    const std::vector<uint16_t> some = random_values(s, *rc::gen::inRange(1, 1281));
    RC_ASSERT(std::equal(some.begin(), some.end(), whole.begin()));
    const int chunk = *rc::gen::inRange(0, 10);
    RandomStream later = s;
    later.first_counter += 16 * uint32_t(chunk);
    const std::vector<uint16_t> tail = random_values(later, 1280 - 128 * chunk);
    RC_ASSERT(std::equal(tail.begin(), tail.end(), whole.begin() + 128 * chunk));
  }));
}

TEST(Random, EveryPartOfTheNameChangesTheStream) {
  EXPECT_TRUE(rc::check("key, tensor, step and use; equal halves of 128 bits would be a chance of 2^-2048", [] {
    const RandomStream s = any_stream();
    std::vector<RandomStream> others(5, s);
    const uint32_t change = 1u << *rc::gen::inRange(0, 32);
    others[0].key.k0 ^= change, others[1].key.k1 ^= change, others[2].tensor ^= change, others[3].step ^= change;
    others[4].use ^= change;
    for (const RandomStream& other : others) RC_ASSERT(random_values(other, 128) != random_values(s, 128));
  }));
}

TEST(Pack, CodesAreALittleEndianBitStream) {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8})
    EXPECT_TRUE(rc::check("packed bytes and the way back, " + std::to_string(bits) + " bits", [bits] {
      const int64_t count = *rc::gen::inRange(1, 700);
      Guarded<uint8_t> codes(size_t(count), any_offset());
      any_contents().fill(codes, 0, (1 << bits) - 1);
      std::vector<uint8_t> expected(size_t(packed_bytes(count, bits)), 0);
      for (int64_t bit = 0; bit < count * bits; ++bit)
        expected[bit / 8] = uint8_t(expected[bit / 8] | ((codes[bit / bits] >> (bit % bits)) & 1) << (bit % 8));
      std::vector<uint8_t> back(codes.data(), codes.data() + count);
      back.resize(size_t(count + 7) / 8 * 8, 0);
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> packed(expected.size(), any_offset()), unpacked(back.size(), any_offset());
        quantize_kernels(isa).pack(codes.data(), count, bits, packed.data());
        require_same(packed, expected, "pack", isa);
        quantize_kernels(isa).unpack(packed.data(), count, bits, unpacked.data());
        require_same(unpacked, back, "unpack", isa);
      }
    }));
}

TEST(Pack, RowsAreUnpackedToTheirPlacesAndNothingBetweenThem) {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8})
    EXPECT_TRUE(rc::check("unpack_rows, " + std::to_string(bits) + " bits", [bits] {
      const int rows = *rc::gen::inRange(1, 12), count = 8 * *rc::gen::inRange(1, 40);
      const int64_t step = count + *rc::gen::element(0, 1, 5, 16, 64);
      Guarded<uint8_t> codes(size_t(rows) * count, any_offset());
      Guarded<uint8_t> packed(size_t(packed_bytes(int64_t(codes.size()), bits)), any_offset());
      any_contents().fill(codes, 0, (1 << bits) - 1);
      quantize_kernels(Isa::scalar).pack(codes.data(), int64_t(codes.size()), bits, packed.data());
      Guarded<uint8_t> expected(size_t((rows - 1) * step + count));
      for (int row = 0; row < rows; ++row) std::copy_n(codes.data() + row * count, count, expected.data() + row * step);
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> out(expected.size(), any_offset());
        quantize_kernels(isa).unpack_rows(packed.data(), rows, count, bits, out.data(), step);
        require_same(out, expected, "unpack_rows", isa);
      }
    }));
}

TEST(Pack, CodesTakeTheirWidthAndNoMore) {
  EXPECT_EQ(packed_bytes(1024, 4), 512);  // half a byte a code
  EXPECT_EQ(packed_bytes(1024, 2), 256);
  EXPECT_EQ(packed_bytes(0, 4), 0);
  for (const int bits : all_bits)
    for (int64_t count = 1; count < 100; ++count) {
      EXPECT_EQ(packed_bytes(8 * count, bits), count * bits);
      const int64_t spare = 8 * packed_bytes(count, bits) - count * bits;  // less than a group of 8 codes
      EXPECT_TRUE(spare >= 0 && spare < 8 * bits && spare % bits == 0);
    }
}

TEST(ChannelMax, IsTheLargestMagnitudeOrWhatOutHeld) {
  EXPECT_TRUE(rc::check("out[c] = max(out[c], max |z|), on every instruction set", [] {
    const int channels = any_channels(), pixels = any_pixels(channels);
    Guarded<int16_t> z(size_t(channels) * pixels, any_offset());
    Guarded<int32_t> before(channels, any_offset());
    Contents contents = any_contents();
    const int reach = *rc::gen::element(10, 32767);
    contents.fill(z, -reach, reach);
    contents.fill(before, 0, *rc::gen::element(0, 32767));
    std::vector<int32_t> expected(before.data(), before.data() + channels);
    for (size_t i = 0; i < z.size(); ++i) expected[i % channels] = std::max(expected[i % channels], std::abs(int32_t(z[i])));
    for (Isa isa : supported_isas()) {
      Guarded<int32_t> out = before;
      quantize_kernels(isa).channel_max(z.data(), int64_t(z.size()), channels, out.data());
      require_same(out, expected, "channel_max", isa);
    }
  }));
}

TEST(FoldRanges, IsTheLargestOfAnImageOrOfAChannelAtTheSamplesShifts) {
  EXPECT_TRUE(rc::check("top over channels, or over images of range << shift, on every instruction set", [] {
    const int images = *rc::gen::inRange(1, 20), channels = any_channels();
    Contents contents = any_contents();
    Guarded<int32_t> range(size_t(images) * channels, any_offset()), shift(size_t(images), any_offset());
    contents.fill(range, 0, 32767);
    contents.fill(shift, 0, 15);
    std::vector<int32_t> image_top(images, 0), channel_top(channels, 0);
    for (int i = 0; i < images; ++i)
      for (int c = 0; c < channels; ++c) {
        const int32_t r = range[size_t(i) * channels + c];
        image_top[i] = std::max(image_top[i], r);
        channel_top[c] = std::max(channel_top[c], r * (1 << shift[i]));
      }
    for (Isa isa : supported_isas()) {
      Guarded<int32_t> by_image(image_top.size(), any_offset()), by_channel(channel_top.size(), any_offset());
      quantize_kernels(isa).fold_ranges(range.data(), images, channels, nullptr, by_image.data());
      quantize_kernels(isa).fold_ranges(range.data(), images, channels, shift.data(), by_channel.data());
      require_same(by_image, image_top, "ranges of images", isa);
      require_same(by_channel, channel_top, "ranges of channels", isa);
    }
  }));
}

TEST(Operand, IsTheCodeTimesItsChannelsFactorPlusTheZeroPoint) {
  EXPECT_TRUE(rc::check("out = codes * factor + zero modulo 256, with and without factors", [] {
    const int channels = any_channels();
    const int64_t count = int64_t(channels) * any_pixels(channels) - *rc::gen::inRange(0, channels);  // ends anywhere
    Contents contents = any_contents();
    Guarded<int8_t> codes(size_t(count), any_offset());
    contents.fill(codes, -128, 127);
    std::vector<int> channel(channels);
    if (*rc::gen::arbitrary<bool>()) contents.fill(channel, 0, 255);
    else for (int& f : channel) f = 1 << contents.uniform(0, 7);  // as shifts are
    Buffer<uint8_t> factor;
    repeat_channels(channel.data(), channels, factor);
    const uint8_t zero = uint8_t(contents.uniform(0, 255));
    for (const bool has_factor : {false, true}) {
      std::vector<uint8_t> expected;
      for (int64_t i = 0; i < count; ++i)
        expected.push_back(uint8_t(((codes[i] * (has_factor ? channel[i % channels] : 1) + zero) % 256 + 256) % 256));
      for (Isa isa : supported_isas()) {
        Guarded<uint8_t> out(expected.size(), any_offset());
        quantize_kernels(isa).operand(codes.data(), count, has_factor ? factor.data() : nullptr,
                                      has_factor ? int(factor.size()) : 0, zero, out.data());
        require_same(out, expected, has_factor ? "operand with factors" : "operand", isa);
      }
    }
  }));
}

}  // namespace
}  // namespace subbyte
