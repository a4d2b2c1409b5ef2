// What both aarch64 instruction sets share; included inside an anonymous namespace after arm_neon.h.
#include "kernels/peak/peak_loops.inl"

constexpr int accumulators = 20;  // of 32 registers; latency 4 and up to four a cycle need 16

template <class Lane, class Vec>
int64_t sum_lanes(Vec v) {
  Lane lanes[4];
  __builtin_memcpy(lanes, &v, sizeof lanes);
  int64_t sum = 0;
  for (Lane lane : lanes) sum += int64_t(lane);
  return sum;
}

SUBBYTE_PEAK_LOOP(dot16, , int32x4_t, accumulators, vdupq_n_s32(0), vdup_n_s16(1), vmlal_s16(acc[i], a, b),
                  sum_lanes<int32_t>)
SUBBYTE_PEAK_LOOP(fp32, , float32x4_t, accumulators, vdupq_n_f32(0), vdupq_n_f32(1), vfmaq_f32(acc[i], a, b),
                  sum_lanes<float>)

constexpr int64_t peak_macs(int lanes) { return int64_t{peak_rounds} * accumulators * lanes; }
