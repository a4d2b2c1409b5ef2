#include "quant/format.h"

#include <array>

#include "base/error.h"
#include "base/names.h"

namespace subbyte {
namespace {

constexpr int kMinBits = 2, kMaxBits = 8;

[[noreturn]] void unknown_format(std::string_view text) {
  const std::array<std::string, 6> usual = {"fp32", "bf16", "w4a4g4", "w4a4g8", "w6a6g6", "w8a8g8"};
  throw UsageError("format: found '" + std::string(text) + "', expected wXaYgZ with X, Y, Z in 2..8, 'fp32' or 'bf16'" +
                   did_you_mean(text, usual));
}

/// Reads "<letter><digits>" at the front of `rest`, which it shortens.
int read_bits(std::string_view text, std::string_view& rest, char letter) {
  size_t digits = 0;
  int bits = 0;
  if (rest.empty() || rest[0] != letter) unknown_format(text);
  while (digits + 1 < rest.size() && digits < 3 && rest[digits + 1] >= '0' && rest[digits + 1] <= '9')
    bits = 10 * bits + (rest[++digits] - '0');
  if (digits == 0) unknown_format(text);
  if (bits < kMinBits || bits > kMaxBits)
    throw UsageError("format '" + std::string(text) + "': found " + std::to_string(bits) + " bits for '" + letter +
                     "', expected 2 to 8");
  rest.remove_prefix(digits + 1);
  return bits;
}

void check_range(const char* field, int value, int low, int high) {
  if (value < low || value > high)
    throw UsageError(std::string(field) + ": found " + std::to_string(value) + ", expected " + std::to_string(low) +
                     " to " + std::to_string(high));
}

void check_clip(const char* field, float value) {
  const bool good = value == 0 || (value >= 1 && value <= 100);  // false for NaN
  if (!good)
    throw UsageError(std::string(field) + ": found " + std::to_string(value) +
                     ", expected 0 or 1 to 100");
}

void check_integer(const char* field, const Format& format) {
  if (!format.is_integer())
    throw UsageError(std::string(field) + ": found '" + format.name() + "', expected wXaYgZ with X, Y, Z in 2..8");
  check_range(field, format.w, kMinBits, kMaxBits);
  check_range(field, format.a, kMinBits, kMaxBits);
  check_range(field, format.g, kMinBits, kMaxBits);
}

}  // namespace

std::string Format::name() const {
  if (kind == Kind::fp32) return "fp32";
  if (kind == Kind::bf16) return "bf16";
  return "w" + std::to_string(w) + "a" + std::to_string(a) + "g" + std::to_string(g);
}

Format Format::parse(std::string_view text) {
  Format format;
  if (text == "fp32" || text == "bf16") {
    format.kind = text == "fp32" ? Kind::fp32 : Kind::bf16;
    return format;
  }
  std::string_view rest = text;
  format.w = read_bits(text, rest, 'w');
  format.a = read_bits(text, rest, 'a');
  format.g = read_bits(text, rest, 'g');
  if (!rest.empty()) unknown_format(text);
  return format;
}

NormKind parse_norm(std::string_view text) {
  if (text == "l1") return NormKind::l1;
  if (text == "l2") return NormKind::l2;
  const std::array<std::string, 2> names = {"l1", "l2"};
  throw UsageError("norm: found '" + std::string(text) + "', expected 'l1' or 'l2'" + did_you_mean(text, names));
}

const char* norm_name(NormKind kind) { return kind == NormKind::l1 ? "l1" : "l2"; }

Rounding parse_rounding(std::string_view text) {
  if (text == "stochastic") return Rounding::stochastic;
  if (text == "nearest") return Rounding::nearest;
  const std::array<std::string, 2> names = {"stochastic", "nearest"};
  throw UsageError("quant.round_g: found '" + std::string(text) + "', expected 'stochastic' or 'nearest'" +
                   did_you_mean(text, names));
}

const char* rounding_name(Rounding kind) { return kind == Rounding::stochastic ? "stochastic" : "nearest"; }

namespace {

/// A clip as configured: 0 is `automatic`, 100 (and an automatic 0) never.
double clip_or(float configured, int automatic) {
  if (configured > 0) return configured < 100 ? configured : 0;
  return automatic;
}

}  // namespace

/// Wide codes have levels to spare for the maximum.
double QuantConfig::activation_clip(int bits, bool has_blocks) const {
  return clip_or(clip_a, bits > 6 ? 0 : has_blocks ? 6 : (bits + 2) / 2);
}

/// A channel that is nearly always constant has a tiny deviation and values thousands of deviations away, which would take
/// all the levels of the codes, and of the stream that the channel shares with others.
double QuantConfig::normalization_clip() const { return clip_or(clip_norm, norm_bits); }

int QuantConfig::saved_norm_bits(int a) const { return std::min(norm_bits, norm_saved_bits ? norm_saved_bits : std::max(a, 4)); }

void QuantConfig::validate() const {
  check_range("quant.groups_w", groups_w, 0, 8);
  check_range("quant.filter_groups_w", filter_groups_w, 0, 7);
  check_range("quant.groups_a", groups_a, 0, 8);
  check_range("quant.groups_g", groups_g, 0, 8);
  check_range("quant.sample_groups", sample_groups, 1, 16);
  check_range("quant.block_groups", block_groups, 0, 8);
  check_range("quant.block_groups_a", block_groups_a, 0, 4);
  check_range("quant.draws_g", draws_g, 1, 2);
  check_clip("quant.clip_w", clip_w);
  check_clip("quant.clip_a", clip_a);
  check_clip("quant.clip_norm", clip_norm);
  check_range("quant.norm_bits", norm_bits, 2, 8);
  if (norm_saved_bits) check_range("quant.norm_saved_bits", norm_saved_bits, std::min(norm_bits, 3), norm_bits);
  check_range("quant.norm_grad_bits", norm_grad_bits, 4, 16);
  check_integer("format.first", first);
  check_integer("format.last", last);
}

}  // namespace subbyte
