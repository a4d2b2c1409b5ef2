// The norm's passes on every instruction set against the equations of norm.h in 64-bit integers.
#include "kernels/norm/norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "kernels/period.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

int64_t sign(int64_t v) { return v < 0 ? -1 : 1; }

Guarded<int16_t> any_array(Contents& contents, size_t count, int64_t low, int64_t high) {
  Guarded<int16_t> array(count, any_offset());
  contents.fill(array, low, high);
  return array;
}

/// A constant of each channel, between -reach and reach, as kernels read it.
Buffer<int16_t> any_constants(Contents& contents, int channels, int reach) {
  std::vector<int16_t> values(channels);
  contents.fill(values, -reach, reach);
  Buffer<int16_t> period;
  repeat_channels(values.data(), channels, period);
  return period;
}

template <class T>
Guarded<T> any_sums(Contents& contents, int channels, int64_t low, int64_t high) {
  Guarded<T> sums(channels, any_offset());
  contents.fill(sums, low, high);
  return sums;
}

template <class T>
std::vector<T> copy(const Guarded<T>& array) {
  return {array.data(), array.data() + array.size()};
}

TEST(Narrow, RoundsClampsAndKeepsStatistics) {
  EXPECT_TRUE(rc::check("y = clamp((acc + 2^(t-1)) >> t), sum, extremes and max |acc|, with and without padding", [] {
    Contents contents = any_contents();
    const int channels = any_channels(), pixels = any_pixels(channels), t = *rc::gen::inRange(0, 25);
    const int stride = *rc::gen::arbitrary<bool>() ? channels : (channels + 15) / 16 * 16;
    const int64_t half = t ? int64_t{1} << (t - 1) : 0, largest = INT32_MAX - half;
    const int64_t reach = *rc::gen::element(largest, std::min(largest, int64_t{stream_limit} << t), int64_t{3} << t >> 1);
    Guarded<int32_t> acc(size_t(pixels - 1) * stride + channels, any_offset());
    contents.fill(acc, -reach, reach);
    const Guarded<int64_t> sum = any_sums<int64_t>(contents, channels, -1000000, 1000000);
    const Guarded<int32_t> low = any_sums<int32_t>(contents, channels, -16383, INT32_MAX);
    const Guarded<int32_t> high = any_sums<int32_t>(contents, channels, INT32_MIN, 16383);
    std::vector<int16_t> y;
    std::vector<int64_t> sums = copy(sum);
    std::vector<int32_t> lows = copy(low), highs = copy(high);
    int64_t top = 0;
    for (int p = 0; p < pixels; ++p)
      for (int c = 0; c < channels; ++c) {
        const int64_t a = acc[size_t(p) * stride + c];
        const int64_t v = std::clamp<int64_t>(floor_shift(a + half, t), -16383, 16383);
        top = std::max(top, std::abs(a));
        y.push_back(int16_t(v));
        sums[c] += v;
        lows[c] = std::min<int32_t>(lows[c], int32_t(v)), highs[c] = std::max<int32_t>(highs[c], int32_t(v));
      }
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> out(y.size(), any_offset()), plain(y.size(), any_offset());
      Guarded<int64_t> s = sum;
      Guarded<int32_t> l = low, h = high;
      const auto narrow = norm_kernels(isa).narrow;
      RC_ASSERT(narrow(acc.data(), pixels, channels, stride, t, out.data(), {s.data(), l.data(), h.data()}) == top);
      require_same(out, y, "narrow", isa);
      require_same(s, sums, "narrow's sums", isa);
      require_same(l, lows, "narrow's minima", isa);
      require_same(h, highs, "narrow's maxima", isa);
      RC_ASSERT(narrow(acc.data(), pixels, channels, stride, t, plain.data(), {nullptr, nullptr, nullptr}) == top);
      require_same(plain, y, "narrow without statistics", isa);
    }
  }));
}

TEST(Deviation, IsTheSumOfMagnitudesOrSquares) {
  EXPECT_TRUE(rc::check("sum |y - mu| and (y - mu)^2 per channel, added to what was there", [] {
    Contents contents = any_contents();
    const int channels = any_channels(), pixels = any_pixels(channels);
    const Guarded<int16_t> y = any_array(contents, size_t(channels) * pixels, -16383, 16383);
    const Buffer<int16_t> mu = any_constants(contents, channels, 16383);
    const Guarded<int64_t> before = any_sums<int64_t>(contents, channels, 0, int64_t{1} << 40);
    for (const bool l2 : {false, true}) {
      std::vector<int64_t> expected = copy(before);
      for (size_t i = 0; i < y.size(); ++i) {
        const int64_t d = int64_t(y[i]) - mu[i % channels];
        expected[i % channels] += l2 ? d * d : std::abs(d);
      }
      for (Isa isa : supported_isas()) {
        Guarded<int64_t> sum = before;
        norm_kernels(isa).deviation(y.data(), int64_t(y.size()), channels, mu.data(), l2, sum.data());
        require_same(sum, expected, l2 ? "deviation, L2" : "deviation, L1", isa);
      }
    }
  }));
}

/// Constants within what the header's fixed-point numbers hold: limit * pow2 rounds to a code, |z| stays below 2^15.
struct Forward {
  int channels, bits;
  bool has_residual, relu, has_mask;
  Guarded<int16_t> y, residual;
  Buffer<int16_t> mu, limit, pow2, scale, offset;
  int16_t residual_pow2, residual_scale;
};

Forward any_forward(Contents& contents, int bits) {
  const int channels = any_channels(), pixels = any_pixels(channels), k = *rc::gen::inRange(0, 15);
  const size_t count = size_t(channels) * pixels;
  Forward f{channels, bits, *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(),
            any_array(contents, count, -16383, 16383), any_array(contents, count, -(32767 >> k), 32767 >> k),
            {}, {}, {}, {}, {},
            int16_t(1 << k), int16_t(contents.uniform(-8000, 8000))};
  f.has_mask = f.has_mask && f.relu;
  f.mu = any_constants(contents, channels, 16383);
  f.scale = any_constants(contents, channels, 16000);
  f.offset = any_constants(contents, channels, 8000);
  std::vector<int16_t> limit(channels), pow2(channels);
  for (int c = 0; c < channels; ++c) {
    const int shift = int(contents.uniform(0, 14)), most = (32767 - (1 << (15 - bits))) >> shift;
    pow2[c] = int16_t(1 << shift);
    limit[c] = int16_t(contents.uniform(0, 1) ? most : contents.uniform(0, most));
  }
  repeat_channels(limit.data(), channels, f.limit);
  repeat_channels(pow2.data(), channels, f.pow2);
  return f;
}

void check_forward(int bits) {
  Contents contents = any_contents();
  const Forward f = any_forward(contents, bits);
  const size_t count = f.y.size();
  const Guarded<int64_t> signs_before = any_sums<int64_t>(contents, f.channels, -1000, 1000);
  const Guarded<int32_t> max_before = any_sums<int32_t>(contents, f.channels, 0, 32767);
  std::vector<int16_t> z;
  std::vector<uint8_t> q, mask((count + 7) / 8, 0);
  std::vector<int64_t> signs = copy(signs_before);
  std::vector<int32_t> z_max = copy(max_before);
  for (size_t i = 0; i < count; ++i) {
    const size_t c = i % f.channels;
    const int64_t limit = f.limit[c], t = std::clamp<int64_t>(f.y[i] - f.mu[c], -limit, limit) * f.pow2[c];
    const int64_t code = floor_shift(t + (1 << (15 - bits)), 16 - bits);
    RC_ASSERT(std::abs(code) < 1 << (bits - 1));
    int64_t v = high_product(code * (1 << (16 - bits)), f.scale[c]) + f.offset[c];
    if (f.has_residual) v += high_product(f.residual[i] * f.residual_pow2, f.residual_scale);
    if (f.relu) v = std::max<int64_t>(v, 0);
    if (v > 0) mask[i / 8] = uint8_t(mask[i / 8] | 1 << i % 8);
    z.push_back(int16_t(v));
    q.push_back(uint8_t(code + (1 << (bits - 1))));
    signs[c] += sign(code);
    z_max[c] = std::max(z_max[c], int32_t(std::abs(v)));
  }
  for (Isa isa : supported_isas()) {
    Guarded<int16_t> out(count, any_offset());
    Guarded<uint8_t> codes(count, any_offset()), bit(mask.size(), any_offset());
    Guarded<int64_t> sign_sum = signs_before;
    Guarded<int32_t> top = max_before;
    norm_kernels(isa).forward(f.y.data(), int64_t(count),
                              {f.mu.data(), f.limit.data(), f.pow2.data(), f.scale.data(), f.offset.data(), f.channels, bits,
                               f.has_residual ? f.residual.data() : nullptr, f.residual_pow2, f.residual_scale, f.relu,
                               out.data(), codes.data(), f.has_mask ? bit.data() : nullptr, sign_sum.data(), top.data()});
    require_same(out, z, "z", isa);
    require_same(codes, q, "q", isa, (8 - count % 8) % 8);
    require_same(sign_sum, signs, "sums of signs", isa);
    require_same(top, z_max, "maxima of z", isa);
    if (f.has_mask) require_same(bit, mask, "mask", isa);
    Guarded<int16_t> place = f.y;  // z may take y's place
    norm_kernels(isa).forward(place.data(), int64_t(count),
                              {f.mu.data(), f.limit.data(), f.pow2.data(), f.scale.data(), f.offset.data(), f.channels, bits,
                               f.has_residual ? f.residual.data() : nullptr, f.residual_pow2, f.residual_scale, f.relu,
                               place.data(), codes.data(), f.has_mask ? bit.data() : nullptr, sign_sum.data(), top.data()});
    require_same(place, z, "z in y's place", isa);
    require_same(codes, q, "q", isa, (8 - count % 8) % 8);
  }
}

/// The codes that forward writes while z is at hand: those of the quantizer for z, also where z itself is not kept.
void check_forward_codes(int code_bits) {
  Contents contents = any_contents();
  const Forward f = any_forward(contents, *rc::gen::element(2, 3, 4, 5, 6, 7, 8));
  const size_t count = f.y.size();
  const bool is_signed = !f.relu;
  const auto run = [&](Isa isa, int16_t* z, const NormCodes* codes, bool z_read) {
    std::vector<uint8_t> q(count + 8), mask(count / 8 + 1);
    std::vector<int64_t> signs(f.channels, 0);
    std::vector<int32_t> z_max(f.channels, 0);
    norm_kernels(isa).forward(f.y.data(), int64_t(count),
                              {f.mu.data(), f.limit.data(), f.pow2.data(), f.scale.data(), f.offset.data(), f.channels, f.bits,
                               f.has_residual ? f.residual.data() : nullptr, f.residual_pow2, f.residual_scale, f.relu, z,
                               q.data(), f.has_mask ? mask.data() : nullptr, signs.data(), z_max.data(), codes, z_read});
    q.resize(count);
    return std::make_tuple(q, mask, signs, z_max);
  };
  std::vector<int16_t> z(count);
  const auto others = run(Isa::scalar, z.data(), nullptr, true);
  const int top = (1 << (is_signed ? code_bits - 1 : code_bits)) - 1, most = is_signed ? 15 - code_bits : 14 - code_bits;
  const int fraction = *rc::gen::element(most, 6, *rc::gen::inRange(6, most + 1));  // 6: many ties
  int range = 1;
  for (int16_t v : z) range = std::max(range, std::abs(int(v)));
  if (*rc::gen::inRange(0, 3) == 0) range = range >> contents.uniform(0, 3) | 1;  // clips
  int k = 0;
  while (range << k < 1 << 14) ++k;
  std::vector<int16_t> limit, pow2;
  for (int c = 0; c < f.channels; ++c) {
    const int n = int(contents.uniform(0, std::min(7, 14 - k)));
    limit.push_back(int16_t(range >> n));
    pow2.push_back(int16_t(1 << (n + k)));
  }
  Buffer<int16_t> limits, pows;
  repeat_channels(limit.data(), f.channels, limits);
  repeat_channels(pow2.data(), f.channels, pows);
  const QuantizeGrid grid{limits.data(), pows.data(), int(limits.size()),
                          int16_t((int64_t(top) << (fraction + 15)) / (range << k)), fraction};
  const int zero = is_signed ? 1 << (code_bits - 1) : 0;
  std::vector<uint8_t> expected(size_t(packed_bytes(int64_t(count), code_bits)));
  quantize_kernels(Isa::scalar).nearest_packed(z.data(), int64_t(count), grid, zero, code_bits, expected.data());
  for (Isa isa : supported_isas())
    for (const bool z_read : {true, false}) {
      Guarded<uint8_t> packed(expected.size(), any_offset());
      Guarded<int16_t> out(count, any_offset());
      const NormCodes codes{grid, zero, code_bits, packed.data(), quantize_kernels(isa).nearest_packed};
      RC_ASSERT(run(isa, out.data(), &codes, z_read) == others);
      require_same(packed, expected, z_read ? "codes beside z" : "codes alone", isa);
      if (z_read) require_same(out, z, "z beside its codes", isa);
      else RC_ASSERT(out.intact());
    }
}

TEST(NormForward, WritesTheCodesOfZWhileItIsAtHand) {
  for (const int bits : {4, 2, 3, 5, 6, 7, 8})
    EXPECT_TRUE(rc::check("packed codes of " + std::to_string(bits) + " bits", [bits] { check_forward_codes(bits); }));
}

TEST(NormForward, IsTheAffineMapOfTheCodesWithResidualReluAndMask) {
  for (const int bits : {2, 3, 4, 5, 6, 7, 8})
    EXPECT_TRUE(rc::check("codes of " + std::to_string(bits) + " bits", [bits] { check_forward(bits); }));
}

Guarded<uint8_t> any_codes(Contents& contents, size_t count, int bits) {
  Guarded<uint8_t> q(count, any_offset());
  contents.fill(q, 1, (1 << bits) - 1);
  return q;
}

TEST(NormReduce, MasksAndSums) {
  EXPECT_TRUE(rc::check("delta = mask or z of the code > 0 ? delta : 0, sum delta, sum delta q, max |delta|", [] {
    Contents contents = any_contents();
    const int channels = any_channels(), pixels = any_pixels(channels), bits = *rc::gen::element(2, 3, 4, 5, 6, 7, 8);
    const size_t count = size_t(channels) * pixels;
    const bool has_mask = *rc::gen::arbitrary<bool>(), masks_by_code = *rc::gen::arbitrary<bool>();
    const Buffer<int16_t> scale = any_constants(contents, channels, 16000), offset = any_constants(contents, channels, 8000);
    const Guarded<int16_t> before = any_array(contents, count, -32767, 32767);
    const Guarded<uint8_t> q = any_codes(contents, count, bits);
    Guarded<uint8_t> mask((count + 7) / 8, any_offset());
    contents.fill(mask, 0, 255);
    const Guarded<int64_t> sum = any_sums<int64_t>(contents, channels, -1000, 1000);
    const Guarded<int64_t> product = any_sums<int64_t>(contents, channels, -1000, 1000);
    const int32_t top_before = *rc::gen::element(0, 100, 32767);
    std::vector<int16_t> delta = copy(before);
    std::vector<int64_t> sums = copy(sum), products = copy(product);
    int32_t top = top_before;
    for (size_t i = 0; i < count; ++i) {
      const int64_t code = int64_t(q[i]) - (1 << (bits - 1));
      if (has_mask && !(mask[i / 8] >> i % 8 & 1)) delta[i] = 0;
      const int64_t z = high_product(code * (1 << (16 - bits)), scale[i % channels]) + offset[i % channels];
      if (masks_by_code && z <= 0) delta[i] = 0;
      sums[i % channels] += delta[i];
      products[i % channels] += delta[i] * code;
      top = std::max(top, std::abs(int32_t(delta[i])));
    }
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> d = before;
      Guarded<int64_t> s = sum, p = product;
      int32_t found = top_before;
      norm_kernels(isa).reduce(int64_t(count), {d.data(), has_mask ? mask.data() : nullptr, q.data(), channels, bits, s.data(),
                                                p.data(), &found, masks_by_code ? scale.data() : nullptr, offset.data()});
      require_same(d, delta, "masked delta", isa);
      require_same(s, sums, "sum delta", isa);
      require_same(p, products, "sum delta q", isa);
      RC_ASSERT(found == top);
    }
  }));
}

TEST(NormBackward, IsTheL1OrL2Gradient) {
  EXPECT_TRUE(rc::check("dy = scale delta - mean - slope sign(q), or slope q; max |dy|", [] {
    Contents contents = any_contents();
    const int channels = any_channels(), pixels = any_pixels(channels), bits = *rc::gen::element(2, 3, 4, 5, 6, 7, 8);
    const int k = *rc::gen::inRange(0, 15);
    const size_t count = size_t(channels) * pixels;
    const Guarded<int16_t> delta = any_array(contents, count, -(32767 >> k), 32767 >> k);
    const Guarded<uint8_t> q = any_codes(contents, count, bits);
    const Buffer<int16_t> scale = any_constants(contents, channels, 16383), mean = any_constants(contents, channels, 8000);
    const Buffer<int16_t> slope = any_constants(contents, channels, 8000);
    const Guarded<int32_t> max_before = any_sums<int32_t>(contents, channels, 0, *rc::gen::element(0, 100, 32767));
    for (const bool l2 : {false, true}) {
      std::vector<int16_t> expected;
      std::vector<int32_t> dy_max = copy(max_before);
      for (size_t i = 0; i < count; ++i) {
        const size_t c = i % channels;
        const int64_t code = int64_t(q[i]) - (1 << (bits - 1));
        const int64_t slant = l2 ? high_product(code * (1 << (16 - bits)), slope[c]) : sign(code) * slope[c];
        expected.push_back(int16_t(high_product(int64_t(delta[i]) * (1 << k), scale[c]) - mean[c] - slant));
        dy_max[c] = std::max(dy_max[c], std::abs(int32_t(expected.back())));
      }
      for (Isa isa : supported_isas()) {
        Guarded<int16_t> dy(count, any_offset());
        Guarded<int32_t> top = max_before;
        norm_kernels(isa).backward(int64_t(count), {delta.data(), q.data(), scale.data(), mean.data(), slope.data(), channels,
                                                    bits, int16_t(1 << k), l2, dy.data(), top.data()});
        require_same(dy, expected, l2 ? "backward, L2" : "backward, L1", isa);
        require_same(top, dy_max, "maxima of dy", isa);
        Guarded<int16_t> place = delta;
        norm_kernels(isa).backward(int64_t(count), {place.data(), q.data(), scale.data(), mean.data(), slope.data(), channels,
                                                    bits, int16_t(1 << k), l2, place.data(), top.data()});
        require_same(place, expected, "dy in delta's place", isa);
      }
    }
  }));
}

TEST(Combine, AddsTwoScaledStreamsAlsoInPlace) {
  EXPECT_TRUE(rc::check("out = a a_scale + b b_scale, out anew, a or b", [] {
    Contents contents = any_contents();
    const size_t count = size_t(*rc::gen::inRange(1, 700));
    const int ka = *rc::gen::inRange(0, 15), kb = *rc::gen::inRange(0, 15);
    const Guarded<int16_t> a = any_array(contents, count, -(32767 >> ka), 32767 >> ka);
    const Guarded<int16_t> b = any_array(contents, count, -(32767 >> kb), 32767 >> kb);
    const int16_t scale_a = int16_t(contents.uniform(-16383, 16383)), scale_b = int16_t(contents.uniform(-16383, 16383));
    std::vector<int16_t> expected;
    for (size_t i = 0; i < count; ++i)
      expected.push_back(int16_t(high_product(int64_t(a[i]) * (1 << ka), scale_a) +
                                 high_product(int64_t(b[i]) * (1 << kb), scale_b)));
    for (Isa isa : supported_isas()) {
      Guarded<int16_t> out(count, any_offset()), in_a = a, in_b = b;
      const auto run = [&](const int16_t* left, const int16_t* right, int16_t* to) {
        norm_kernels(isa).combine(left, int16_t(1 << ka), scale_a, right, int16_t(1 << kb), scale_b, int64_t(count), to);
      };
      run(a.data(), b.data(), out.data());
      run(in_a.data(), b.data(), in_a.data());
      run(a.data(), in_b.data(), in_b.data());
      require_same(out, expected, "combine", isa);
      require_same(in_a, expected, "combine into a", isa);
      require_same(in_b, expected, "combine into b", isa);
    }
  }));
}

}  // namespace
}  // namespace subbyte
