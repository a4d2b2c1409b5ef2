#include "fpga/parts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"
#include "fpga/schedule.h"
#include "fpga/test_products.h"

namespace subbyte {
namespace {

RC_GTEST_PROP(Parts, DigitsFitThePortsAndAddUp, ()) {
  const int bits = *rc::gen::element(7, 8);
  const ArrayProduct p = random_product({bits, 8, *rc::gen::arbitrary<bool>(), 0, 0, 2});
  const ArrayConfig c = array_config(Format::parse(*rc::gen::element<std::string>("w4a4g4", "w2a2g2", "w6a5g4", "w3a3g3")), 4,
                                     *rc::gen::element(Placement::barrel, Placement::sorted), 4, 4);
  const std::vector<ArrayProduct> parts = split_product(p, c);  // throws unless sums add up
  RC_ASSERT(parts.size() > 1u);
  for (const ArrayProduct& part : parts) {
    RC_ASSERT(part.a.port_bits() <= c.a_bits);
    RC_ASSERT(part.b.port_bits() <= c.b_bits);
    const auto fits = [](const ArrayOperand& o) {
      for (int16_t code : o.code)
        if (code < (o.is_signed ? -(1 << (o.bits - 1)) : 0) || code >= 1 << (o.bits - o.is_signed)) return false;
      return true;
    };
    RC_ASSERT(fits(part.a));
    RC_ASSERT(fits(part.b));
    for (int16_t code : part.a.code) RC_ASSERT(code > -(1 << (c.a_bits - 1)));
    check_schedule(make_schedule(part, c));
  }
}

RC_GTEST_PROP(Parts, SegmentsStayBelowTheAccumulator, ()) {
  const ArrayProduct p = random_product(5, 5, 300, {4, 4, false, 2, 0, 2});
  ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, Placement::barrel, 4, 4);
  c.acc_bits = 16;
  for (const ArrayProduct& part : split_product(p, c)) {
    RC_ASSERT(part.bound() <= c.top_sum());
    check_schedule(make_schedule(part, c));
  }
}

TEST(Parts, WhatFitsStaysWhole) {
  const ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, Placement::barrel, 4, 4);
  ArrayProduct p;
  p.name = "product";
  p.k = 2;
  p.a = {4, false, 1, {15, 3}, {0, 0}, 0};
  p.b = {4, true, 1, {-7, 2}, {0, 0}, 0};
  p.k_shift = {0, 1};
  p.sums = {-93};
  const std::vector<ArrayProduct> parts = split_product(p, c);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "product");
  p.sums = {-92};
  EXPECT_THROW(split_product(p, c), Error);
}

TEST(ArrayConfig, WhatTheAccumulatorHolds) {
  ArrayConfig c;
  c.a_bits = c.b_bits = 4;
  c.ng = 4;
  c.ng_b = 1;
  c.acc_bits = 24;
  EXPECT_EQ(c.most_reduced(), 16383);  // int4, four groups
  c.a_bits = c.b_bits = 8;
  c.ng = 8;
  c.acc_bits = 32;
  EXPECT_EQ(c.most_reduced(), 1023);   // int8, eight groups
  c.acc_bits = 21;
  EXPECT_THROW(c.validate(), UsageError);
  c.placement = Placement::sorted;
  c.acc_bits = 32;
  c.validate();
  c.ng_b = 2;
  EXPECT_THROW(c.validate(), UsageError);
}

TEST(ArrayConfig, OfAFormat) {
  const ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, Placement::edge, 16, 8);
  EXPECT_EQ(c.a_bits, 5);
  EXPECT_EQ(c.b_bits, 4);
  EXPECT_EQ(c.acc_bits, 24);
  EXPECT_EQ(array_config(Format::parse("w4a4g8"), 4, Placement::sorted, 8, 8).b_bits, 8);
  EXPECT_EQ(array_config(Format::parse("w8a8g8"), 4, Placement::sorted, 8, 8).a_bits, 9);
  EXPECT_THROW(array_config(Format::parse("fp32"), 4, Placement::sorted, 8, 8), UsageError);
  EXPECT_THROW(array_config(Format::parse("w4a4g4"), 0, Placement::sorted, 8, 8), UsageError);
  EXPECT_THROW(array_config(Format::parse("w4a4g4"), 4, Placement::sorted, 0, 8), UsageError);
  EXPECT_THROW(parse_placement("sort"), UsageError);
}

}  // namespace
}  // namespace subbyte
