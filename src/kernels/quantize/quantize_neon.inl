// Philox on four lanes. NEON has no 64-bit lane whose halves are free to read: they are two registers, and what is never
// read of them is never computed.

struct Lanes {
  struct Vec {
    uint32x4_t low, high;
  };
  static constexpr int lanes = 4;
  static Vec all(uint32_t v) { return {vdupq_n_u32(v), vdupq_n_u32(0)}; }
  static Vec counters(uint32_t first) {
    static constexpr uint32_t step[] = {0, 1, 2, 3};
    return {vaddq_u32(vdupq_n_u32(first), vld1q_u32(step)), vdupq_n_u32(0)};
  }
  static Vec multiply(Vec a, Vec b) {
    const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.low), vget_low_u32(b.low)));
    const uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(a.low, b.low));
    return {vuzp1q_u32(first, second), vuzp2q_u32(first, second)};
  }
  static Vec high(Vec v) { return {v.high, v.high}; }
  static Vec mix(Vec a, Vec b, Vec c) { return {veorq_u32(a.low, veorq_u32(b.low, c.low)), a.high}; }
  static void store_low(uint32_t* p, Vec v) { vst1q_u32(p, v.low); }
};
