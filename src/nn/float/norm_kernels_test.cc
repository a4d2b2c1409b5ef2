// The same bits from every instruction set, and the right ones.
#include "nn/float/norm_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/isa.h"
#include "base/philox.h"
#include "nn/float/bf16.h"

namespace subbyte::twin {
namespace {

struct Data {
  int64_t rows;
  int c;
  ElementType type;

  std::vector<char> tensor(uint32_t id) const {
    std::vector<char> bytes;
    for (int64_t i = 0; i < rows * c; ++i) {
      const float value = float(uniform01(random_words(5, RandomUse::augment, 0, id, uint32_t(i))[0]) * 4 - 2);
      const Bf16 half(value);
      const char* from = type == ElementType::f32 ? reinterpret_cast<const char*>(&value)
                                                  : reinterpret_cast<const char*>(&half);
      bytes.insert(bytes.end(), from, from + element_size(type));
    }
    return bytes;
  }
  double at(const std::vector<char>& bytes, int64_t i) const {
    if (type == ElementType::f32) return reinterpret_cast<const float*>(bytes.data())[i];
    return float(reinterpret_cast<const Bf16*>(bytes.data())[i]);
  }
  std::vector<float> coefficients(float base) const {
    std::vector<float> result;
    for (int i = 0; i < c; ++i) result.push_back(base + 0.01f * float(i % 7));
    return result;
  }
};

/// Everything the kernels compute from the same inputs.
struct Results {
  std::vector<double> sums;
  std::vector<std::vector<char>> tensors;
  bool operator==(const Results&) const = default;
};

Results run(const NormKernels& kernels, const Data& data) {
  const std::vector<char> x = data.tensor(1), residual = data.tensor(2), more = data.tensor(3);
  const std::vector<float> mean = data.coefficients(0.1f), scale = data.coefficients(0.7f),
                           shift = data.coefficients(-0.2f), slope = data.coefficients(0.05f);
  Results results;
  const auto sums = [&](const auto& kernel) {
    std::vector<double> first(data.c), second(data.c);
    kernel(first.data(), second.data());
    results.sums.insert(results.sums.end(), first.begin(), first.end());
    results.sums.insert(results.sums.end(), second.begin(), second.end());
  };
  sums([&](double* a, double*) { kernels.sum(x.data(), data.rows, data.c, a); });
  sums([&](double* a, double* b) { kernels.deviation_l1(x.data(), data.rows, data.c, mean.data(), a, b); });
  sums([&](double* a, double*) { kernels.deviation_l2(x.data(), data.rows, data.c, mean.data(), a); });
  std::vector<char> out(x.size()), delta = data.tensor(4);
  kernels.apply(x.data(), residual.data(), out.data(), data.rows, data.c, mean.data(), scale.data(), shift.data(),
                true);
  sums([&](double* a, double* b) {
    kernels.gradient_sums(x.data(), out.data(), delta.data(), more.data(), data.rows, data.c, mean.data(), a, b);
  });
  for (const auto gradient : {kernels.gradient_l1, kernels.gradient_l2}) {
    std::vector<char> dx(x.size());
    gradient(x.data(), delta.data(), dx.data(), data.rows, data.c, mean.data(), scale.data(), shift.data(),
             slope.data());
    results.tensors.push_back(dx);
  }
  results.tensors.push_back(out);
  results.tensors.push_back(delta);
  kernels.add(more.data(), out.data(), data.rows * data.c);
  results.tensors.push_back(out);
  return results;
}

TEST(NormKernels, AllInstructionSetsAgree) {
#if defined(__x86_64__)
  for (const ElementType type : {ElementType::f32, ElementType::bf16})
    for (const int c : {1, 5, 16, 19, 64, 600})
      for (const int64_t rows : {1, 6, 131}) {
        const Data data{rows, c, type};
        const Results expected = run(norm_kernels_portable(type), data);
        for (const Isa isa : supported_isas()) {
          if (isa == Isa::scalar) continue;
          const NormKernels& kernels = isa == Isa::avx2 ? norm_kernels_avx2(type) : norm_kernels_avx512vnni(type);
          EXPECT_EQ(run(kernels, data), expected) << isa_name(isa) << " " << c << " " << rows;
        }
      }
#else
  GTEST_SKIP() << "one instruction set";
#endif
}

TEST(NormKernels, ComputeTheirFormulas) {
  const Data data{131, 19, ElementType::f32};
  const Results results = run(norm_kernels_portable(data.type), data);
  const std::vector<char> x = data.tensor(1), residual = data.tensor(2), more = data.tensor(3), first = data.tensor(4);
  const std::vector<float> mean = data.coefficients(0.1f), scale = data.coefficients(0.7f),
                           shift = data.coefficients(-0.2f), slope = data.coefficients(0.05f);
  std::vector<double> sums(results.sums.size());
  for (int64_t i = 0; i < data.rows * data.c; ++i) {
    const int channel = int(i % data.c);
    const double d = data.at(x, i) - mean[channel], sign = (d > 0) - (d < 0);
    const double out = std::max(0.0, d * scale[channel] + shift[channel] + data.at(residual, i));
    const double delta = out > 0 ? data.at(first, i) + data.at(more, i) : 0;
    const double values[] = {data.at(x, i), 0, std::abs(d), sign, d * d, 0, delta, delta * d};
    for (int k = 0; k < 8; ++k) sums[size_t(k) * data.c + channel] += values[k];
    const double linear = scale[channel] * delta - shift[channel];
    EXPECT_NEAR(data.at(results.tensors[0], i), linear - slope[channel] * sign, 1e-5);
    EXPECT_NEAR(data.at(results.tensors[1], i), linear - slope[channel] * d, 1e-5);
    EXPECT_NEAR(data.at(results.tensors[2], i), out, 1e-5);
    EXPECT_NEAR(data.at(results.tensors[3], i), delta, 1e-5);
    EXPECT_NEAR(data.at(results.tensors[4], i), out + data.at(more, i), 1e-5);
  }
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_NEAR(results.sums[i], sums[i], 1e-3) << i;
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(float(Bf16(1.0f)), 1.0f);
  EXPECT_EQ(float(Bf16(1.0f + 0x1p-8f)), 1.0f);             // a tie, to even
  EXPECT_EQ(float(Bf16(1.0f + 0x1.8p-7f)), 1.0f + 0x1p-6f);  // a tie, to even
  EXPECT_EQ(float(Bf16(-1.0f - 0x1.2p-8f)), -1.0f - 0x1p-7f);
  EXPECT_TRUE(std::isnan(float(Bf16(std::nanf("")))));
  EXPECT_TRUE(std::isinf(float(Bf16(3.4e38f))));
}

}  // namespace
}  // namespace subbyte::twin
