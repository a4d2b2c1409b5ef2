// The three products of a layer, convolution and depthwise, against sums over the dequantized codes in plain loops.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "nn/integer/product_test_rig.h"

namespace subbyte::product_rig {
namespace {

Trial any_trial(bool depthwise) {
  Trial t;
  t.depthwise = depthwise;
  t.linear = !depthwise && *rc::gen::inRange(0, 6) == 0;
  t.kernel = *rc::gen::element(1, 3, 5);
  t.stride = t.linear ? 1 : *rc::gen::element(1, 2);
  t.pad = t.linear ? 0 : *rc::gen::inRange(0, std::min(3, t.kernel));
  t.in = {*rc::gen::inRange(t.kernel, t.kernel + 6), *rc::gen::inRange(t.kernel, t.kernel + 6),
          *rc::gen::inRange(1, t.linear ? 8 : 41)};
  t.out = {(t.in.h + 2 * t.pad - t.kernel) / t.stride + 1, (t.in.w + 2 * t.pad - t.kernel) / t.stride + 1,
           depthwise ? t.in.c : *rc::gen::inRange(1, 41)};
  if (t.linear) t.out.h = t.out.w = 1;
  t.is_signed = *rc::gen::arbitrary<bool>();
  const auto bits = [] { return *rc::gen::inRange(2, 9); };
  t.format = {Format::Kind::integer, bits(), bits(), bits()};
  if (*rc::gen::arbitrary<bool>())
    t.format = Format::parse(*rc::gen::element<std::string>("w4a4g8", "w8a8g8", "w2a4g4", "w4a4g4"));
  const auto groups = [] { return *rc::gen::inRange(0, 5); };
  t.quant.groups_w = groups();
  t.quant.groups_a = groups();
  t.quant.groups_g = groups();
  t.quant.sample_groups = *rc::gen::element(1, 8);
  t.quant.block_groups = *rc::gen::element(0, 1, 2, 8);
  t.quant.block_groups_a = *rc::gen::element(0, 1, 2, 3);
  t.quant.filter_groups_w = *rc::gen::element(0, 0, 1, 4);
  t.quant.round_g = *rc::gen::element(Rounding::stochastic, Rounding::stochastic, Rounding::nearest);
  t.quant.draws_g = *rc::gen::element(1, 2);
  t.images = *rc::gen::inRange(1, 5);
  t.threads = *rc::gen::inRange(1, 4);
  t.seed = *rc::gen::arbitrary<uint16_t>();
  t.density = *rc::gen::element(1, 2, 30);
  return t;
}

TEST(Product, EqualsThePlainSumsOfItsCodes) {
  EXPECT_TRUE(rc::check("forward, dx and dW of a convolution or linear layer", [] {
    const Trial t = any_trial(false);
    RC_LOG(text(t));
    check_products(t);
  }));
}

TEST(Product, DepthwiseEqualsThePlainSumsOfItsCodes) {
  EXPECT_TRUE(rc::check("forward, dx and dW of a depthwise convolution", [] {
    const Trial t = any_trial(true);
    RC_LOG(text(t));
    check_products(t);
  }));
}

void check_after(const Trial& before, const Trial& t) {
  Rig first(before), rig(t);
  check_forward(first, first.weight_codes());
  check_backward(first, first.weight_codes());
  std::swap(first.ctx.scratch, rig.ctx.scratch);
  const WeightCodes w = rig.weight_codes();
  check_forward(rig, w);
  check_backward(rig, w);
}

/// Threads keep the operands' memory for the layer that runs next.
TEST(Product, NothingOfAnotherLayerStaysInTheOperands) {
  EXPECT_TRUE(rc::check("forward, dx and dW after another layer used the same scratch", [] {
    Trial before = any_trial(false), t = any_trial(false);
    before.threads = t.threads;
    before.is_signed = t.is_signed;
    before.format = t.format;
    before.quant = t.quant;
    RC_LOG(text(before) + ", then " + text(t));
    check_after(before, t);
  }));
  // Both gradients are framed to 5 x 5 and begin in its corner: one fills it, the other has 4 x 4 pixels.
  Trial before, t;
  before.format = t.format = Format::parse("w4a4g4");
  t.quant.groups_w = t.quant.groups_a = t.quant.groups_g = 1;  // with shifts, zero points may differ and clear the frame
  before.quant = t.quant;
  before.kernel = 1, before.pad = 0;
  before.in = before.out = {5, 5, 8};
  t.stride = 2;
  t.in = {8, 8, 8};
  t.out = {4, 4, 8};
  before.density = t.density = 1;
  EXPECT_NO_THROW(check_after(before, t));
}

}  // namespace
}  // namespace subbyte::product_rig
