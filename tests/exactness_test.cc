// The same bits for any number of threads and every instruction set.
#include "exactness_support.h"

namespace subbyte {
namespace {

class Exactness : public testing::TestWithParam<const char*> {};

TEST_P(Exactness, OfAPooledConvolutionNet) { expect_exact(pooled_model(), GetParam(), NormKind::l1, 12, 6); }
TEST_P(Exactness, OfADepthwiseNetWithL2) { expect_exact(depthwise_model(), GetParam(), NormKind::l2, 12, 6); }
TEST_P(Exactness, OfANetOfWideLayers) { expect_exact(wide_model(), GetParam(), NormKind::l1, 6, 3); }
TEST_P(Exactness, OfResnet20) { expect_exact(make_model("resnet20", {9, 11, 3}, 10), GetParam(), NormKind::l1, 5, 2); }

INSTANTIATE_TEST_SUITE_P(Formats, Exactness, testing::Values("w4a4g4", "w8a8g8", "w4a4g8", "w2a3g5"),
                         [](const auto& info) { return std::string(info.param); });

/// Narrow norms, clipping, one group everywhere or as many as there are, gradients rounded to the nearest or once for each
/// product: other paths of the same layers.
TEST(Exactness, OfOtherQuantizers) {
  NetworkConfig narrow = network_config(residual_model(), "w4a4g4");
  narrow.quant.norm_bits = 5;
  narrow.quant.norm_grad_bits = 6;
  narrow.quant.clip_a = 3;
  narrow.quant.clip_w = 2;
  narrow.quant.draws_g = 2;
  narrow.quant.block_groups_a = 2;
  narrow.quant.filter_groups_w = 3;
  NetworkConfig plain = network_config(residual_model(), "w6a6g6");
  plain.quant.groups_w = plain.quant.groups_a = plain.quant.groups_g = plain.quant.sample_groups = 1;
  plain.quant.block_groups = plain.quant.block_groups_a = 1;
  plain.quant.round_g = Rounding::nearest;
  NetworkConfig many = network_config(residual_model(), "w8a8g8");
  many.quant.groups_w = many.quant.groups_a = many.quant.groups_g = 8;
  many.quant.sample_groups = 16;
  NetworkConfig deep = network_config(depthwise_model(), "w4a4g4");
  deep.quant.draws_g = 2;
  for (NetworkConfig config : {narrow, plain, many, deep}) {
    Snapshot expected;
    for (const auto& [isa, threads] : ways_to_run()) {
      const ForcedIsa forced(isa);
      config.threads = threads;
      const Snapshot found = trained(config, 12, 4);
      if (expected.empty()) expected = found;
      const std::string where = config.format.name() + " " + isa_name(isa);
      expect_same(found, expected, where + " " + std::to_string(threads) + " threads");
    }
  }
}

}  // namespace
}  // namespace subbyte
