// Products at the limits of 32-bit sums.
#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/integer/product_test_rig.h"

namespace subbyte::product_rig {
namespace {

Trial wide_trial() {
  Trial t;
  t.in = {3, 3, 512};
  t.out = {3, 3, 512};
  t.format = Format::parse("w8a8g8");
  t.quant.groups_w = t.quant.groups_a = t.quant.groups_g = 8;
  t.images = 1;
  t.largest = true;
  return t;
}

TEST(Product, SumsOfAWideLayerFitWithAllOperandsAtTheirMaximum) {
  const Trial t = wide_trial();
  const ProductGroups groups = product_groups(t.quant, t.format, {3, 3, 1, 1, t.in, t.out}, true, true);
  EXPECT_EQ(groups.a, 4);                 // 4608 * 255 * 127 * 2^3 < 2^31
  EXPECT_EQ(groups.w + groups.g - 2, 4);  // 4608 * 127 * 127 * 2^4 < 2^31
  EXPECT_NO_THROW(check_products(t));
}

/// A sample's shift joins the layer's, so the half that rounds its sums grows with it.
TEST(Product, TheLargestSumsOfSmallSamplesHaveRoomForTheirHalf) {
  for (const int samples : {1, 8, 16})
    for (int m = 0; m < std::min(samples, 14); ++m) {
      Trial t;
      t.linear = true;
      t.pad = 0;
      t.in = {1, 1, 1};
      t.format = Format::parse("w8a8g8");
      t.quant.groups_w = t.quant.groups_a = t.quant.groups_g = 1;
      t.quant.sample_groups = samples;
      t.largest = true;
      const auto fits = [&](int outputs) {
        t.out = {1, 1, outputs};
        try {
          Rig rig(t);
        } catch (const UsageError&) {
          return false;
        }
        return true;
      };
      int outputs = 1;  // the most that the layer takes
      for (int step = 1 << 18; step > 0; step /= 2)
        if (fits(outputs + step)) outputs += step;
      t.out = {1, 1, outputs};
      Rig rig(t);
      rig.weight.value.assign(rig.weight.value.size(), 1.0f);
      for (int c = 0; c < outputs; ++c)  // every code of both samples is 127
        rig.dy.image(0, outputs)[c] = int16_t(1 << 13), rig.dy.image(1, outputs)[c] = int16_t((1 << 13) >> m);
      const WeightCodes w = quantize_weights(rig.weight, 8, 1, 0);
      rig.layer->forward(rig.ctx);
      EXPECT_NO_THROW(check_backward(rig, w)) << samples << " " << m << " outputs " << outputs;
    }
}

TEST(Product, ALayerWhoseSumsCannotFitIsRefused) {
  Trial t;
  t.linear = true;
  t.pad = 0;
  t.in = {1, 1, 66181};  // * 255 * 127 < 2^31 - 2^22 (room for the half that rounds) <= 66182 * 255 * 127
  t.out = {1, 1, 1};
  t.format = Format::parse("w8a8g8");
  EXPECT_NO_THROW(Rig{t});
  t.in.c = 66182;
  try {
    Rig rig(t);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "layer 'layer': sums of its products would not fit 32 bits");
  }
}

}  // namespace
}  // namespace subbyte::product_rig
