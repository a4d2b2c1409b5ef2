#include <immintrin.h>

#include "kernels/peak/peak.h"

namespace subbyte {
namespace {
#include "kernels/peak/peak_loops.inl"

constexpr int accumulators = 16;  // of 32 registers; latency 4 or 5 and two a cycle need 10

int64_t sum_ints(__m512i v) { return _mm512_reduce_add_epi32(v); }
int64_t sum_floats(__m512 v) {
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, v);
  int64_t sum = 0;
  for (float lane : lanes) sum += int64_t(lane);
  return sum;
}

SUBBYTE_PEAK_LOOP(dot8, , __m512i, accumulators, _mm512_setzero_si512(), _mm512_set1_epi8(1),
                  _mm512_dpbusd_epi32(acc[i], a, b), sum_ints)
SUBBYTE_PEAK_LOOP(dot16, , __m512i, accumulators, _mm512_setzero_si512(), _mm512_set1_epi16(1),
                  _mm512_dpwssd_epi32(acc[i], a, b), sum_ints)
SUBBYTE_PEAK_LOOP(fp32, , __m512, accumulators, _mm512_setzero_ps(), _mm512_set1_ps(1),
                  _mm512_fmadd_ps(a, b, acc[i]), sum_floats)

#define SUBBYTE_BF16 __attribute__((target("avx512bf16,avx512bw,avx512vl,avx512dq,avx512vnni")))
SUBBYTE_PEAK_LOOP(bf16_loop, SUBBYTE_BF16, __m512, accumulators, _mm512_setzero_ps(), _mm512_set1_epi16(0x3F80),
                  _mm512_dpbf16_ps(acc[i], __m512bh(a), __m512bh(b)), sum_floats)

int64_t bf16() { return __builtin_cpu_supports("avx512bf16") ? bf16_loop() : 0; }

}  // namespace

extern const PeakKernels peak_kernels_avx512vnni;
const PeakKernels peak_kernels_avx512vnni = {{"vpdpbusd zmm", int64_t{peak_rounds} * accumulators * 64, dot8},
                                             {"vpdpwssd zmm", int64_t{peak_rounds} * accumulators * 32, dot16},
                                             {"vdpbf16ps zmm", int64_t{peak_rounds} * accumulators * 32, bf16},
                                             {"vfmadd zmm", int64_t{peak_rounds} * accumulators * 16, fp32},
                                             stream};

}  // namespace subbyte
