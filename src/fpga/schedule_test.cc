#include "fpga/schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "fpga/cycles.h"
#include "fpga/test_products.h"

namespace subbyte {
namespace {

ArrayConfig small_array(Placement placement) {
  ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, placement, *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 6));
  return c;
}

RC_GTEST_PROP(Schedule, EveryPlacementGivesTheSums, ()) {
  const ArrayProduct p = random_product({4, 4, *rc::gen::arbitrary<bool>(), 3, 0, 3});
  for (Placement placement : {Placement::barrel, Placement::edge, Placement::sorted})
    check_schedule(make_schedule(p, small_array(placement)));
}

RC_GTEST_PROP(Schedule, BothOperandsBlocks, ()) {  // backward-weights
  const ArrayProduct p = random_product({4, 4, *rc::gen::arbitrary<bool>(), 3, 3, 0});
  for (Placement placement : {Placement::barrel, Placement::edge, Placement::sorted})
    check_schedule(make_schedule(p, small_array(placement)));
}

RC_GTEST_PROP(Schedule, SortedFeedsEachIndexOnceWherePortsHoldTheShiftsOfBlocks, ()) {
  const bool is_signed = *rc::gen::arbitrary<bool>();
  const ArrayProduct p = random_product({4, 4, is_signed, 3, 3, 2});
  ArrayConfig c = small_array(Placement::sorted);
  c.a_bits = 4 + !is_signed + 3;
  c.b_bits = 7;
  c.acc_bits = 32;
  const Schedule s = make_schedule(p, c);
  check_schedule(s);
  RC_ASSERT(!s.by_block);
  RC_ASSERT(count_cycles(s).beats == count_cycles(s).tiles * (p.k + p.most_k_shift()));
}

RC_GTEST_PROP(Schedule, SortedFeedsEachIndexOnceAndFallsToShiftZero, ()) {
  const ArrayProduct p = random_product({4, 4, true, 0, 0, 3});
  const Schedule s = make_schedule(p, small_array(Placement::sorted));
  RC_ASSERT(!s.by_block);
  std::vector<int> seen(size_t(p.k), 0);
  int steps = 0;
  for (const Beat& beat : s.beats) {
    if (beat.step) {
      ++steps;
      continue;
    }
    ++seen[size_t(beat.k)];
    RC_ASSERT(p.most_k_shift() - steps == p.k_shift[size_t(beat.k)]);
  }
  RC_ASSERT(steps == p.most_k_shift());
  RC_ASSERT(std::count(seen.begin(), seen.end(), 1) == p.k);
  const Cycles c = count_cycles(s);
  RC_ASSERT(c.beats == c.tiles * (p.k + steps));
}

RC_GTEST_PROP(Schedule, AWrongSumIsFound, ()) {
  ArrayProduct p = random_product({4, 4, true, 3, 0, 3});
  ++p.sums[*rc::gen::inRange<size_t>(0, p.sums.size())];
  RC_ASSERT_THROWS_AS(check_sums(p), Error);
  for (Placement placement : {Placement::barrel, Placement::sorted})
    RC_ASSERT_THROWS_AS(check_schedule(make_schedule(p, small_array(placement))), Error);
}

TEST(Schedule, RefusesWhatTheArrayCannotDo) {
  ArrayConfig c = array_config(Format::parse("w4a4g4"), 4, Placement::barrel, 4, 4);
  ArrayProduct p;
  p.name = "product";
  p.k = 1;
  p.a = {8, true, 1, {100}, {0}, 0};
  p.b = {4, true, 1, {-7}, {0}, 0};
  p.k_shift = {0};
  p.sums = {-700};
  EXPECT_THROW(make_schedule(p, c), UsageError);  // 8 bits at a port of 5
  p.a = {4, true, 1, {7}, {3}, 0};
  p.sums = {-392};
  check_schedule(make_schedule(p, c));
  p.k_shift = {4};  // 3 on b, 1 more than a has
  EXPECT_THROW(make_schedule(p, c), UsageError);
  c.placement = Placement::none;
  c.ng = c.ng_b = 1;
  EXPECT_THROW(make_schedule(p, c), UsageError);
}

TEST(Cycles, OfAKnownProduct) {
  ArrayProduct p;
  p.k = 100;
  p.a = {4, true, 20, std::vector<int16_t>(2000, 1), std::vector<uint8_t>(2000, 0), 0};
  p.b = {4, true, 5, std::vector<int16_t>(500, 1), std::vector<uint8_t>(500, 0), 0};
  p.k_shift.assign(100, 0);
  p.k_shift[3] = 3;
  const int tiles = 3, ends = 2 * 8 + 4;  // 20 rows in eights; 5 columns in fours
  const Cycles barrel = count_cycles(make_schedule(p, array_config(Format::parse("w4a4g4"), 4, Placement::barrel, 8, 4)));
  EXPECT_EQ(barrel.macs, 10000);
  EXPECT_EQ(barrel.tiles, 2 * tiles);
  EXPECT_EQ(barrel.beats, 2 * tiles * 100);
  EXPECT_EQ(barrel.sequential, 2 * tiles * (100 + ends));
  EXPECT_EQ(barrel.overlapped, 2 * tiles * 100 + ends);
  const Cycles sorted = count_cycles(make_schedule(p, array_config(Format::parse("w4a4g4"), 4, Placement::sorted, 8, 4)));
  EXPECT_EQ(sorted.beats, 2 * tiles * 103);
  const Cycles fp16 = float_cycles({20, 5, 100}, 8, 4);
  EXPECT_EQ(fp16.sequential, barrel.sequential);
  EXPECT_EQ(fp16.overlapped, barrel.overlapped);
  EXPECT_THROW(best_float_array({{20, 5, 100}}, 0, true), UsageError);
  const FloatArray best = best_float_array({{20, 5, 100}}, 100, true);  // all outputs at once
  EXPECT_EQ(best.rows * best.cols, 100);
  EXPECT_EQ(best.cycles.tiles, 1);
}

}  // namespace
}  // namespace subbyte
