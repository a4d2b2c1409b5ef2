#include <immintrin.h>

#include "kernels/peak/peak.h"

namespace subbyte {
namespace {
#include "kernels/peak/peak_loops.inl"

constexpr int accumulators = 12;  // of 16 registers: two hold operands, the products need some

template <class T>
int64_t sum_lanes(__m256i v) {
  alignas(32) T lanes[32 / sizeof(T)];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), v);
  int64_t sum = 0;
  for (T lane : lanes) sum += lane;
  return sum;
}

__attribute__((target("avx2,fma"))) int64_t sum_floats(__m256 v) {
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, v);
  int64_t sum = 0;
  for (float lane : lanes) sum += int64_t(lane);
  return sum;
}

SUBBYTE_PEAK_LOOP(dot8, , __m256i, accumulators, _mm256_setzero_si256(), _mm256_set1_epi8(1),
                  _mm256_add_epi16(acc[i], _mm256_maddubs_epi16(a, b)), sum_lanes<int16_t>)
SUBBYTE_PEAK_LOOP(dot16, , __m256i, accumulators, _mm256_setzero_si256(), _mm256_set1_epi16(1),
                  _mm256_add_epi32(acc[i], _mm256_madd_epi16(a, b)), sum_lanes<int32_t>)
SUBBYTE_PEAK_LOOP(fma_loop, __attribute__((target("avx2,fma"))), __m256, accumulators, _mm256_setzero_ps(),
                  _mm256_set1_ps(1), _mm256_fmadd_ps(a, b, acc[i]), sum_floats)

int64_t fp32() { return __builtin_cpu_supports("fma") ? fma_loop() : 0; }  // AVX2 does not imply it

}  // namespace

extern const PeakKernels peak_kernels_avx2;
const PeakKernels peak_kernels_avx2 = {{"vpmaddubsw + vpaddw ymm", int64_t{peak_rounds} * accumulators * 32, dot8},
                                       {"vpmaddwd + vpaddd ymm", int64_t{peak_rounds} * accumulators * 16, dot16},
                                       {nullptr, 0, nullptr},
                                       {"vfmadd ymm", int64_t{peak_rounds} * accumulators * 8, fp32},
                                       stream};

}  // namespace subbyte
