#include "kernels/peak/peak.h"

#include <gtest/gtest.h>

#include <vector>

namespace subbyte {
namespace {

TEST(Peak, EveryLoopDoesAllOfItsWork) {
  for (const Isa isa : supported_isas()) {
    const PeakKernels& kernels = peak_kernels(isa);
    ASSERT_NE(kernels.dot8.run, nullptr);
    ASSERT_NE(kernels.dot16.run, nullptr);
    for (const PeakLoop& loop : {kernels.dot8, kernels.dot16, kernels.bf16, kernels.fp32}) {
      if (!loop.instruction) continue;
      const int64_t sum = loop.run();
      EXPECT_TRUE(sum == loop.macs || sum == 0) << isa_name(isa) << " " << loop.instruction;
    }
    EXPECT_EQ(kernels.dot8.run(), kernels.dot8.macs);
    EXPECT_EQ(kernels.dot16.run(), kernels.dot16.macs);
  }
}

TEST(Peak, TheStreamAddsToEveryElement) {
  for (const Isa isa : supported_isas())
    for (const int64_t count : {0, 1, 15, 16, 17, 1000}) {
      std::vector<uint32_t> in(size_t(count) + 1), out(size_t(count) + 1, 77);
      for (int64_t i = 0; i < count; ++i) in[i] = uint32_t(i * 2654435761u);
      peak_kernels(isa).stream(in.data(), count, 3, out.data());
      for (int64_t i = 0; i < count; ++i) ASSERT_EQ(out[i], in[i] + 3);
      EXPECT_EQ(out[count], 77u);
    }
}

}  // namespace
}  // namespace subbyte
