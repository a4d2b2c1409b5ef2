// Number formats of a run: wXaYgZ (bits of weights, activations, gradients), fp32 or bf16.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

struct Format {
  enum class Kind { integer, fp32, bf16 };
  Kind kind = Kind::integer;
  int w = 4, a = 4, g = 4;  ///< bits, 2..8; meaningful for Kind::integer

  bool is_integer() const { return kind == Kind::integer; }
  std::string name() const;
  bool operator==(const Format&) const = default;

  /// Throws UsageError for anything but wXaYgZ with 2 <= X, Y, Z <= 8, "fp32" and "bf16".
  static Format parse(std::string_view text);
};

enum class NormKind { l1, l2 };

/// Throws UsageError for anything but "l1" and "l2".
NormKind parse_norm(std::string_view text);
const char* norm_name(NormKind kind);

enum class Rounding { stochastic, nearest };

/// Of the key quant.round_g. Throws UsageError for anything but "stochastic" and "nearest".
Rounding parse_rounding(std::string_view text);
const char* rounding_name(Rounding kind);

/// How tensors are quantized (docs/method.md calls the counts Ng and Mg). Ranges are checked by validate().
struct QuantConfig {
  int groups_w = 0;        ///< power-of-two groups over output channels of W; 1: per tensor; 0: a real scale for each, folded
                           ///< into the normalization behind the product
  int filter_groups_w = 0; ///< over filters of W, the taps of one input and one output channel, where they are 8 and more, at
                           ///< most what bytes have room for; 0: 2 up to 4 bits, else none; 1: none
  int groups_a = 0;        ///< over channels of X; 0: default for the bits; 1: per tensor
  int groups_g = 0;        ///< over channels of G
  int sample_groups = 8;   ///< power-of-two groups over the samples of G; 1: none
  int block_groups = 0;    ///< over blocks of 16 elements of a channel and a sample of G, at most what bytes have room for; 0:
                           ///< default; 1: none
  int block_groups_a = 0;  ///< over blocks of 16 elements of a channel and an image of X; 0: default; 1: none. Signed X has
                           ///< none
  Rounding round_g = Rounding::stochastic;  ///< of the gradients that enter products
  int draws_g = 1;         ///< 1: one rounding of G for both of its products; 2: one of its own for each
  float clip_w = 0;        ///< weights' range at most clip_w root mean squares of an output channel; 0: the maximum
  float clip_a = 0;        ///< activations' range at most clip_a times the channel's running mean square over its mean
                           ///< magnitude, which zeros do not change; 0: default for the bits; 100: the maximum
  float clip_norm = 0;     ///< a normalization's input at most clip_norm deviations from the mean; 0: norm_bits; 100: never
  int norm_bits = 8;       ///< bits of the normalization's input codes; 2..8
  int norm_saved_bits = 0; ///< bits of them that are saved for backward, the ReLU's mask included where nothing is added
                           ///< before it; 3..8, at most norm_bits; 0: the activations' bits, at least 4
  int norm_grad_bits = 16; ///< bits of the gradient that enters the normalization's backward; 4..16
  Format first = {Format::Kind::integer, 8, 8, 8};  ///< format of the first product
  Format last = {Format::Kind::integer, 8, 8, 8};   ///< format of the last product

  /// Where activations of `bits` are clipped, in mean squares over mean magnitudes; 0: never.
  double activation_clip(int bits, bool has_blocks) const;
  /// Deviations at which a normalization's input is clipped; 0: never.
  double normalization_clip() const;
  /// Bits of a normalization's input that are saved, where the network's activations have `a`.
  int saved_norm_bits(int a) const;
  /// Throws UsageError naming the field.
  void validate() const;
};

}  // namespace subbyte
