// The norm's passes on saved codes, on every instruction set: as if whole codes were saved after forward, and restored before
// reduce and backward, by the specification in kernels/norm_codes.
#include <gtest/gtest.h>

#include "kernels/norm/norm.h"
#include "kernels/test_support.h"

namespace subbyte {
namespace {

constexpr int bits = 8;

template <class T>
std::vector<T> any_values(Contents& contents, size_t count, int64_t low, int64_t high) {
  std::vector<T> values(count);
  contents.fill(values.data(), count, low, high);
  return values;
}

Buffer<int16_t> any_constants(Contents& contents, int channels, int reach) {
  const std::vector<int16_t> values = any_values<int16_t>(contents, channels, -reach, reach);
  Buffer<int16_t> period;
  repeat_channels(values.data(), channels, period);
  return period;
}

struct Case {
  int channels;
  int64_t count;
  SavedNormCode width;
  bool separate_mask;  // beside the codes
  int start;
};

Case any_case() {
  const int channels = any_channels(), pixels = any_pixels(channels), saved = *rc::gen::element(4, 4, 4, 3, 5, 6, 7);
  const bool in_code = *rc::gen::arbitrary<bool>();
  return {channels, int64_t(channels) * pixels, {bits, saved, in_code}, !in_code && *rc::gen::arbitrary<bool>(),
          *rc::gen::inRange(0, 256)};
}

/// An image's saved codes and the scratch of an instruction set.
struct Image {
  std::vector<uint8_t> packed, codes, mask;
  SavedImage view;

  Image(const Case& t, Isa isa, std::vector<uint8_t> saved)
      : packed(std::move(saved)), codes(size_t(t.count) + 8), mask(size_t(t.count + 7) / 8) {
    packed.resize(size_t(packed_bytes(t.count, t.width.saved_bits)));
    view = {t.width, packed.data(), codes.data(), mask.data(), t.start, &norm_code_kernels(isa), &quantize_kernels(isa)};
  }
};

TEST(NormForward, SavesItsCodes) {
  EXPECT_TRUE(rc::check("as if they were saved afterwards", [] {
    Contents contents = any_contents();
    const Case t = any_case();
    const std::vector<int16_t> y = any_values<int16_t>(contents, size_t(t.count), -16383, 16383);
    const Buffer<int16_t> mu = any_constants(contents, t.channels, 8000), scale = any_constants(contents, t.channels, 16000);
    const Buffer<int16_t> offset = any_constants(contents, t.channels, 8000);
    std::vector<int16_t> limits = any_values<int16_t>(contents, t.channels, 1, 16319), ones(t.channels, 2);
    Buffer<int16_t> limit, pow2;
    repeat_channels(limits.data(), t.channels, limit);
    repeat_channels(ones.data(), t.channels, pow2);
    const auto run = [&](Isa isa, uint8_t* q, uint8_t* mask, const SavedImage* saved) {
      std::vector<int16_t> z(size_t(t.count));
      std::vector<int64_t> signs(t.channels, 0);
      std::vector<int32_t> top(t.channels, 0);
      NormForward f{mu.data(), limit.data(), pow2.data(), scale.data(), offset.data(), t.channels, bits, nullptr, 1, 0, true,
                    z.data(), q, mask, signs.data(), top.data()};
      f.saved = saved;
      norm_kernels(isa).forward(y.data(), t.count, f);
      return std::make_tuple(z, signs, top);
    };
    std::vector<uint8_t> q(size_t(t.count) + 8), mask(size_t(t.count + 7) / 8);
    const auto others = run(Isa::scalar, q.data(), mask.data(), nullptr);
    Image expected(t, Isa::scalar, {});
    norm_code_kernels(Isa::scalar).save(q.data(), mask.data(), t.count, t.width, t.start);
    quantize_kernels(Isa::scalar).pack(q.data(), t.count, t.width.saved_bits, expected.packed.data());
    for (Isa isa : supported_isas()) {
      Image image(t, isa, {});
      std::vector<uint8_t> separate(mask.size());
      uint8_t* const place = t.width.has_mask ? image.mask.data() : t.separate_mask ? separate.data() : nullptr;
      RC_ASSERT(run(isa, image.codes.data(), place, &image.view) == others);
      RC_ASSERT(image.packed == expected.packed);
      if (t.separate_mask) RC_ASSERT(separate == mask);
    }
  }));
}

TEST(NormBackward, ReadsSavedCodes) {
  EXPECT_TRUE(rc::check("reduce and backward as on restored codes", [] {
    Contents contents = any_contents();
    const Case t = any_case();
    std::vector<uint8_t> q = any_values<uint8_t>(contents, size_t(t.count) + 8, 1, 255);
    const std::vector<uint8_t> mask = any_values<uint8_t>(contents, size_t(t.count + 7) / 8, 0, 255);
    Image saved(t, Isa::scalar, {});
    norm_code_kernels(Isa::scalar).save(q.data(), mask.data(), t.count, t.width, t.start);
    quantize_kernels(Isa::scalar).pack(q.data(), t.count, t.width.saved_bits, saved.packed.data());
    norm_code_kernels(Isa::scalar).restore(q.data(), nullptr, t.count, t.width);
    const std::vector<int16_t> delta = any_values<int16_t>(contents, size_t(t.count), -16383, 16383);
    const Buffer<int16_t> scale = any_constants(contents, t.channels, 16383), mean = any_constants(contents, t.channels, 8000);
    const Buffer<int16_t> slope = any_constants(contents, t.channels, 4000);
    const bool masks = t.width.has_mask || t.separate_mask;
    const auto run = [&](Isa isa, const uint8_t* codes, const uint8_t* bit, bool l2, const SavedImage* image) {
      std::vector<int16_t> masked = delta, dy(size_t(t.count));
      std::vector<int64_t> sum(t.channels, 0), product(t.channels, 0);
      std::vector<int32_t> dy_max(t.channels, 0);
      int32_t top = 0;
      NormReduce r{masked.data(), bit, codes, t.channels, bits, sum.data(), product.data(), &top};
      r.saved = image;
      norm_kernels(isa).reduce(t.count, r);
      NormBackward b{masked.data(), codes, scale.data(), mean.data(), slope.data(), t.channels, bits, 1, l2, dy.data(),
                     dy_max.data()};
      b.saved = image;
      norm_kernels(isa).backward(t.count, b);
      return std::make_tuple(masked, sum, product, top, dy, dy_max);
    };
    for (const bool l2 : {false, true}) {
      const auto expected = run(Isa::scalar, q.data(), masks ? mask.data() : nullptr, l2, nullptr);
      for (Isa isa : supported_isas()) {
        Image image(t, isa, saved.packed);
        const uint8_t* const bit = t.width.has_mask ? image.mask.data() : t.separate_mask ? mask.data() : nullptr;
        RC_ASSERT(run(isa, image.codes.data(), bit, l2, &image.view) == expected);
      }
    }
  }));
}

}  // namespace
}  // namespace subbyte
