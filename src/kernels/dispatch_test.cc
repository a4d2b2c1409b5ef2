// Every family hands out the table of the instruction set it is asked for, and SUBBYTE_ISA forces which one that is.
#include "kernels/dispatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <type_traits>

#include "base/error.h"
#include "kernels/conv/conv.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/norm/norm.h"
#include "kernels/norm_codes/norm_codes.h"
#include "kernels/peak/peak.h"
#include "kernels/pool/pool.h"
#include "kernels/quantize/quantize.h"
#include "kernels/weights/weights.h"

namespace subbyte {
extern const ConvKernels conv_kernels_scalar;
extern const QuantizeKernels quantize_kernels_scalar;
extern const NormKernels norm_kernels_scalar;
extern const NormCodeKernels norm_code_kernels_scalar;
extern const DepthwiseKernels depthwise_kernels_scalar;
extern const PeakKernels peak_kernels_scalar;
extern const PoolKernels pool_kernels_scalar;
extern const WeightKernels weight_kernels_scalar;
#if defined(__x86_64__)
extern const ConvKernels conv_kernels_avx2, conv_kernels_avx512vnni, conv_kernels_amx;
extern const QuantizeKernels quantize_kernels_avx2, quantize_kernels_avx512vnni;
extern const NormKernels norm_kernels_avx2, norm_kernels_avx512vnni;
extern const NormCodeKernels norm_code_kernels_avx2, norm_code_kernels_avx512vnni;
extern const DepthwiseKernels depthwise_kernels_avx2, depthwise_kernels_avx512vnni;
extern const PeakKernels peak_kernels_avx2, peak_kernels_avx512vnni, peak_kernels_amx;
extern const PoolKernels pool_kernels_avx2, pool_kernels_avx512vnni;
extern const WeightKernels weight_kernels_avx2, weight_kernels_avx512vnni;
#define SUBBYTE_X86_TABLES(family, amx_table) \
  &family##_scalar, &family##_avx2, &family##_avx512vnni, &amx_table, &family##_scalar, &family##_scalar
#define SUBBYTE_TABLES(family) SUBBYTE_X86_TABLES(family, family##_avx512vnni)
#define SUBBYTE_TABLES_WITH_TILES(family) SUBBYTE_X86_TABLES(family, family##_amx)
#elif defined(__aarch64__)
extern const ConvKernels conv_kernels_neon_dot, conv_kernels_neon_i8mm;
extern const QuantizeKernels quantize_kernels_neon_dot, quantize_kernels_neon_i8mm;
extern const NormKernels norm_kernels_neon_dot, norm_kernels_neon_i8mm;
extern const NormCodeKernels norm_code_kernels_neon_dot, norm_code_kernels_neon_i8mm;
extern const DepthwiseKernels depthwise_kernels_neon_dot, depthwise_kernels_neon_i8mm;
extern const PeakKernels peak_kernels_neon_dot, peak_kernels_neon_i8mm;
extern const PoolKernels pool_kernels_neon_dot, pool_kernels_neon_i8mm;
extern const WeightKernels weight_kernels_neon_dot, weight_kernels_neon_i8mm;
#define SUBBYTE_TABLES(family) \
  &family##_scalar, &family##_scalar, &family##_scalar, &family##_scalar, &family##_neon_dot, &family##_neon_i8mm
#else
#define SUBBYTE_TABLES(family) \
  &family##_scalar, &family##_scalar, &family##_scalar, &family##_scalar, &family##_scalar, &family##_scalar
#endif
#ifndef SUBBYTE_TABLES_WITH_TILES
#define SUBBYTE_TABLES_WITH_TILES SUBBYTE_TABLES
#endif

namespace {

/// `tables` in the order of all_isas; another architecture's instruction sets are the scalar one here.
template <class Kernels>
void expect_tables(const Kernels& (*pick)(Isa), const std::vector<const Kernels*>& tables) {
  ASSERT_EQ(tables.size(), std::size(all_isas));
  for (size_t i = 0; i < tables.size(); ++i) EXPECT_EQ(&pick(all_isas[i]), tables[i]) << isa_name(all_isas[i]);
}

/// The instruction sets that have kernels of their own: tiles are for products.
std::vector<Isa> with_own_kernels(bool tiles) {
  std::vector<Isa> isas = supported_isas();
  if (!tiles) std::erase(isas, Isa::amx);
  return isas;
}

template <class Kernels>
void expect_different_tables(const Kernels& (*pick)(Isa), bool tiles = false) {
  std::set<const Kernels*> tables;
  for (Isa isa : with_own_kernels(tiles)) tables.insert(&pick(isa));
  EXPECT_EQ(tables.size(), with_own_kernels(tiles).size());
}

TEST(Dispatch, AFamilyGivesTheTableOfTheInstructionSetItIsAskedFor) {
  expect_tables(conv_kernels, {SUBBYTE_TABLES_WITH_TILES(conv_kernels)});
  expect_tables(quantize_kernels, {SUBBYTE_TABLES(quantize_kernels)});
  expect_tables(norm_kernels, {SUBBYTE_TABLES(norm_kernels)});
  expect_tables(norm_code_kernels, {SUBBYTE_TABLES(norm_code_kernels)});
  expect_tables(depthwise_kernels, {SUBBYTE_TABLES(depthwise_kernels)});
  expect_tables(peak_kernels, {SUBBYTE_TABLES_WITH_TILES(peak_kernels)});
  expect_tables(pool_kernels, {SUBBYTE_TABLES(pool_kernels)});
  expect_tables(weight_kernels, {SUBBYTE_TABLES(weight_kernels)});
}

TEST(Dispatch, SupportedInstructionSetsHaveDifferentTables) {
  expect_different_tables(conv_kernels, true);
  expect_different_tables(quantize_kernels);
  expect_different_tables(norm_kernels);
  expect_different_tables(norm_code_kernels);
  expect_different_tables(depthwise_kernels);
  expect_different_tables(peak_kernels, true);
  expect_different_tables(pool_kernels);
  expect_different_tables(weight_kernels);
}

/// Every function of every family, so that a table cannot borrow another's without being seen.
template <bool tiles = false, class Kernels, class... Members>
void expect_own_kernels(const Kernels& (*pick)(Isa), Members... members) {
  const auto expect_own = [&](auto member) {
    std::set<std::remove_cvref_t<decltype(pick(Isa::scalar).*member)>> functions;
    for (Isa isa : with_own_kernels(tiles)) functions.insert(pick(isa).*member);
    EXPECT_EQ(functions.size(), with_own_kernels(tiles).size());
  };
  (expect_own(members), ...);
}

TEST(Dispatch, SupportedTablesHoldTheirOwnKernels) {
  using C = ConvKernels;
  using D = DepthwiseKernels;
  using N = NormKernels;
  using Q = QuantizeKernels;
  expect_own_kernels<true>(conv_kernels, &C::product, &C::weights_gradient);
  expect_own_kernels(conv_kernels, &C::transpose, &C::gradient_words);
  expect_own_kernels(depthwise_kernels, &D::row, &D::gradient);
  expect_own_kernels(norm_kernels, &N::narrow, &N::deviation, &N::forward, &N::reduce, &N::backward, &N::combine);
  expect_own_kernels(norm_code_kernels, &NormCodeKernels::save, &NormCodeKernels::restore);
  expect_own_kernels(quantize_kernels, &Q::nearest, &Q::stochastic, &Q::random, &Q::nearest_packed, &Q::pack,
                     &Q::unpack, &Q::unpack_rows, &Q::channel_max, &Q::fold_ranges, &Q::operand);
  expect_own_kernels(pool_kernels, &PoolKernels::max, &PoolKernels::average, &PoolKernels::max_back,
                     &PoolKernels::average_back);
  using W = WeightKernels;
  expect_own_kernels(weight_kernels, &W::range, &W::codes, &W::forward_bytes, &W::forward_int16, &W::backward_bytes,
                     &W::backward_int16, &W::gradient);
}

/// SUBBYTE_ISA as it was before, at the end.
class SelectedIsa : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* value = std::getenv("SUBBYTE_ISA")) before_ = value, was_set_ = true;
  }
  void TearDown() override { was_set_ ? setenv("SUBBYTE_ISA", before_.c_str(), 1) : unsetenv("SUBBYTE_ISA"); }

  static std::string error_of(const char* name) {
    setenv("SUBBYTE_ISA", name, 1);
    try {
      selected_isa();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  std::string before_;
  bool was_set_ = false;
};

TEST_F(SelectedIsa, IsTheBestWhereNothingIsForced) {
  const std::vector<Isa> supported = supported_isas();
  EXPECT_EQ(supported.front(), Isa::scalar);
  EXPECT_TRUE(std::is_sorted(supported.begin(), supported.end()));
  unsetenv("SUBBYTE_ISA");
  EXPECT_EQ(selected_isa(), supported.back());
  setenv("SUBBYTE_ISA", "", 1);
  EXPECT_EQ(selected_isa(), supported.back());
}

TEST_F(SelectedIsa, IsTheForcedOne) {
  for (Isa isa : supported_isas()) {
    setenv("SUBBYTE_ISA", isa_name(isa), 1);
    EXPECT_EQ(selected_isa(), isa);
  }
}

TEST_F(SelectedIsa, AnUnknownNameIsRefusedAndNamed) {
  const std::string names = "scalar, avx2, avx512vnni, amx, neon_dot or neon_i8mm";
  EXPECT_EQ(error_of("avx"), "SUBBYTE_ISA: found 'avx', expected " + names + " (did you mean 'avx2'?)");
  for (const char* name : {"neon", "AVX2", "scalar ", "avx2,scalar"}) {
    const std::string expected = "SUBBYTE_ISA: found '" + std::string(name) + "', expected " + names;
    EXPECT_EQ(error_of(name).substr(0, expected.size()), expected);
  }
}

TEST_F(SelectedIsa, OneThatTheMachineLacksIsRefusedAndNamed) {
  const std::vector<Isa> supported = supported_isas();
  int lacking = 0;
  for (Isa isa : all_isas) {
    if (std::count(supported.begin(), supported.end(), isa)) continue;
    ++lacking;
    EXPECT_EQ(error_of(isa_name(isa)), "SUBBYTE_ISA: found '" + std::string(isa_name(isa)) +
                                           "', which this machine or build lacks; best here: " + isa_name(supported.back()));
  }
  if (!lacking) GTEST_SKIP() << "this machine has every instruction set";
}

}  // namespace
}  // namespace subbyte
