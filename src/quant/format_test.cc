#include "quant/format.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace subbyte {
namespace {

std::string message_of(const std::string& text) {
  try {
    Format::parse(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Format, EveryNameRoundTrips) {
  for (int w = 2; w <= 8; ++w)
    for (int a = 2; a <= 8; ++a)
      for (int g = 2; g <= 8; ++g) {
        const Format format{Format::Kind::integer, w, a, g};
        EXPECT_EQ(Format::parse(format.name()), format);
      }
  EXPECT_EQ(Format::parse("fp32").name(), "fp32");
  EXPECT_EQ(Format::parse("bf16").kind, Format::Kind::bf16);
  EXPECT_FALSE(Format::parse("fp32").is_integer());
}

TEST(Format, WrongBitsAreNamed) {
  EXPECT_EQ(message_of("w1a4g4"), "format 'w1a4g4': found 1 bits for 'w', expected 2 to 8");
  EXPECT_EQ(message_of("w4a9g4"), "format 'w4a9g4': found 9 bits for 'a', expected 2 to 8");
  EXPECT_EQ(message_of("w4a4g16"), "format 'w4a4g16': found 16 bits for 'g', expected 2 to 8");
}

TEST(Format, UnknownNamesGetAHint) {
  for (const char* text : {"", "w", "w4", "w4a4", "a4w4g4", "w4a4g4x", "W4A4G4", "fp16x", "wag", "w4a4g-4", "int8"})
    EXPECT_NE(message_of(text).find("expected wXaYgZ with X, Y, Z in 2..8, 'fp32' or 'bf16'"), std::string::npos) <<
        text;
  EXPECT_NE(message_of("fp23").find("did you mean 'fp32'?"), std::string::npos);
  EXPECT_NE(message_of("w4a4").find("did you mean 'w4a4g4'?"), std::string::npos);
}

TEST(Format, Norms) {
  EXPECT_EQ(parse_norm("l1"), NormKind::l1);
  EXPECT_STREQ(norm_name(parse_norm("l2")), "l2");
  EXPECT_THROW(parse_norm("l3"), UsageError);
}

TEST(Format, Roundings) {
  for (const Rounding kind : {Rounding::stochastic, Rounding::nearest}) EXPECT_EQ(parse_rounding(rounding_name(kind)), kind);
  EXPECT_STREQ(rounding_name(QuantConfig{}.round_g), "stochastic");
  EXPECT_THROW(parse_rounding("Nearest"), UsageError);
}

TEST(QuantConfig, EveryFieldIsChecked) {
  EXPECT_NO_THROW(QuantConfig{}.validate());
  const auto rejects = [](auto change, const char* field) {
    QuantConfig config;
    change(config);
    try {
      config.validate();
    } catch (const UsageError& error) {
      return std::string(error.what()).find(field) == 0;
    }
    return false;
  };
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.groups_w = -1; }, "quant.groups_w: found -1"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.groups_a = 9; }, "quant.groups_a: found 9"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.groups_g = 99; }, "quant.groups_g: found 99"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.sample_groups = 0; }, "quant.sample_groups: found 0"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.clip_w = -1; }, "quant.clip_w"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.clip_norm = 101; }, "quant.clip_norm"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.block_groups = 9; }, "quant.block_groups: found 9"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.block_groups_a = 5; }, "quant.block_groups_a: found 5"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.filter_groups_w = 8; }, "quant.filter_groups_w: found 8"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.draws_g = 0; }, "quant.draws_g: found 0"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.draws_g = 3; }, "quant.draws_g: found 3"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.clip_a = 0.5f; }, "quant.clip_a"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.norm_bits = 9; }, "quant.norm_bits"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.norm_saved_bits = 2; }, "quant.norm_saved_bits: found 2, expected 3 to 8"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.norm_bits = 4, c.norm_saved_bits = 5; }, "quant.norm_saved_bits: found 5"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.norm_grad_bits = 3; }, "quant.norm_grad_bits"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.first.kind = Format::Kind::fp32; }, "format.first: found 'fp32'"));
  EXPECT_TRUE(rejects([](QuantConfig& c) { c.last.w = 1; }, "format.last"));
}

TEST(QuantConfig, ClipsAreAutomaticSetOrNever) {
  QuantConfig c;
  for (const int bits : {2, 4, 6}) {
    EXPECT_EQ(c.activation_clip(bits, true), 6);
    EXPECT_EQ(c.activation_clip(bits, false), bits / 2 + 1);
  }
  for (const bool has_blocks : {false, true}) EXPECT_EQ(c.activation_clip(7, has_blocks), 0);
  EXPECT_EQ(c.normalization_clip(), 8);
  c.norm_bits = 4;
  EXPECT_EQ(c.normalization_clip(), 4);
  c.clip_a = c.clip_norm = 2.5f;
  for (const bool has_blocks : {false, true}) EXPECT_EQ(c.activation_clip(8, has_blocks), 2.5);
  EXPECT_EQ(c.normalization_clip(), 2.5);
  c.clip_a = c.clip_norm = 100;
  for (const bool has_blocks : {false, true}) EXPECT_EQ(c.activation_clip(4, has_blocks), 0);
  EXPECT_EQ(c.normalization_clip(), 0);
}

TEST(QuantConfig, ANormalizationSavesAsManyBitsAsActivationsHave) {
  QuantConfig c;
  for (int a = 2; a <= 8; ++a) EXPECT_EQ(c.saved_norm_bits(a), std::max(a, 4));
  c.norm_bits = 3;
  EXPECT_EQ(c.saved_norm_bits(8), 3);
  c.norm_bits = 8;
  c.norm_saved_bits = 5;
  EXPECT_EQ(c.saved_norm_bits(8), 5);
}

}  // namespace
}  // namespace subbyte
