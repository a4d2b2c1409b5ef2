// Backward-weights has three ways to its sums: panels of outputs over all images, for layers of many weights; sums of each
// thread, which go to 64 bits before they could overflow; and the sample's shift in 64 bits, where 32 hold one image's sums
// only without it. All against the plain sums.
#include <gtest/gtest.h>

#include "nn/integer/product_test_rig.h"

namespace subbyte::product_rig {
namespace {

Trial trial_of(Shape in, int outputs, int kernel, const char* format) {
  Trial t;
  t.kernel = kernel;
  t.pad = kernel / 2;
  t.in = in;
  t.out = {in.h, in.w, outputs};
  t.format = Format::parse(format);
  t.images = 5;
  t.threads = 2;
  t.density = 1;
  return t;
}

Trial linear_of(int inputs, int outputs, const char* format) {
  Trial t = trial_of({1, 1, inputs}, outputs, 1, format);
  t.linear = true;
  return t;
}

Trial with_stride(Trial t) {
  t.stride = 2;
  t.out.h = (t.in.h + 2 * t.pad - t.kernel) / 2 + 1;
  t.out.w = (t.in.w + 2 * t.pad - t.kernel) / 2 + 1;
  return t;
}

Trial with_signs(Trial t) {
  t.is_signed = true;
  return t;
}

void check(const Trial& t, bool by_panel) {
  for (Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    Rig rig(t);
    const WeightCodes w = rig.weight_codes();
    rig.layer->forward(rig.ctx);
    EXPECT_NO_THROW(check_backward(rig, w)) << text(t) << " on " << isa_name(isa);
    EXPECT_EQ(rig.ctx.batch_operands->images, by_panel ? t.images : 0) << text(t);
  }
}

TEST(ProductPaths, LayersOfManyWeightsTakePanelsOverTheWholeBatch) {
  const Trial trials[] = {
      trial_of({3, 3, 96}, 80, 3, "w4a4g4"),                           // 2 1/2 panels
      with_stride(trial_of({5, 4, 97}, 76, 3, "w4a4g4")),              // channels and outputs with remainders
      with_signs(trial_of({3, 2, 101}, 80, 3, "w4a4g4")),              // a zero point, and a channel of ones
      with_signs(with_stride(trial_of({3, 3, 30}, 96, 5, "w3a5g6"))),
      linear_of(256, 256, "w8a8g8"),
      linear_of(1023, 50, "w4a4g8"),
      with_signs(linear_of(515, 130, "w2a3g5")),
  };
  for (Trial t : trials)
    for (const int threads : {1, 2, 3}) {
      t.threads = threads;
      t.seed = unsigned(threads);
      t.quant.draws_g = threads == 2 ? 2 : 1;
      check(t, true);  // images of different ranges: each has its own shift, and a place by it
    }
}

TEST(ProductPaths, OtherLayersDoNot) {
  check(trial_of({2, 2, 96}, 64, 3, "w4a4g4"), false);              // 54 Ki weights
  check(with_signs(trial_of({2, 2, 96}, 80, 3, "w4a4g4")), false);  // a zero point without room for ones
}

/// 16 pixels of 255 (with signs 128) times 127 times 2^7: 32 (64) images fill 31 bits. Smaller samples leave room for more.
TEST(ProductPaths, PanelsOfMoreImagesThanThirtyTwoBitsHoldAreAddedUpInSixtyFour) {
  Trial many = trial_of({4, 4, 97}, 80, 3, "w8a8g8");
  many.images = 67;
  many.threads = 3;
  many.density = 30;
  for (const bool is_signed : {false, true}) {
    many.is_signed = is_signed;
    for (const bool equal : {false, true}) {  // one part, and several
      many.equal_samples = equal;
      check(many, true);
    }
    Trial largest = many;
    largest.largest = true;
    check(largest, true);
  }
}

TEST(ProductPaths, OneLayerMayTakeItsPanelsAfterAnother) {
  Rig first(with_signs(trial_of({3, 3, 101}, 80, 3, "w4a4g4"))), second(with_signs(trial_of({2, 4, 99}, 96, 3, "w4a4g4")));
  std::swap(first.ctx.batch_operands, second.ctx.batch_operands);
  for (int round = 0; round < 2; ++round) {
    for (Rig* rig : {&first, &second}) {
      std::swap(first.ctx.batch_operands, second.ctx.batch_operands);
      const WeightCodes w = rig->weight_codes();
      rig->layer->forward(rig->ctx);
      EXPECT_NO_THROW(check_backward(*rig, w));
    }
  }
}

/// 81 pixels of 255 times 127 times 2^7: six images' sums fill 31 bits, so a thread with more adds them up in 64.
TEST(ProductPaths, SumsOfManyImagesGoToSixtyFourBits) {
  for (const bool largest : {false, true})
    for (const bool is_signed : {false, true}) {
      Trial t = trial_of({9, 9, 6}, 10, 3, "w8a8g8");
      t.is_signed = is_signed;
      t.largest = largest;
      t.images = 17;
      for (const int threads : {1, 3}) {
        t.threads = threads;
        check(t, false);
      }
      t.in.c = 8;  // no room for ones
      check(t, false);
    }
}

/// 81 pixels of 255 times 127 times 2^15: the shift of a sample that is 2^15 times another is applied after its sums.
TEST(ProductPaths, LateShiftsOfSamplesAreAppliedInSixtyFourBits) {
  for (const bool largest : {false, true})
    for (const bool is_signed : {false, true}) {
      Trial t = trial_of({9, 9, 6}, 10, 3, "w8a8g8");
      t.quant.sample_groups = 16;
      t.is_signed = is_signed;
      t.largest = largest;
      t.images = 7;
      for (const int threads : {1, 2}) {
        t.threads = threads;
        check(t, false);
      }
      t.in.c = 8;
      check(t, false);
      Trial wide = trial_of({4, 5, 97}, 80, 3, "w8a8g8");  // many weights do not change that
      wide.quant.sample_groups = 16;
      wide.is_signed = is_signed;
      wide.largest = largest;
      wide.images = 3;
      check(wide, false);
    }
}

}  // namespace
}  // namespace subbyte::product_rig
