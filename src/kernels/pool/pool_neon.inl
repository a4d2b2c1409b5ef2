// Eight channels of a pool, the policy of both aarch64 instruction sets.

struct Lanes {
  static constexpr int lanes = 8;
  using Vec = int16x8_t;
  struct Sums { int32x4_t low, high; };
  static Vec load(const int16_t* p) { return vld1q_s16(p); }
  static void store(int16_t* p, Vec v) { vst1q_s16(p, v); }
  static Vec all(int v) { return vdupq_n_s16(int16_t(v)); }
  static void keep_larger(Vec& best, Vec& at, Vec v, Vec index) {
    at = vbslq_s16(vcgtq_s16(v, best), index, at);
    best = vmaxq_s16(best, v);
  }
  static void store_bytes(uint8_t* p, Vec v) { vst1_u8(p, vmovn_u16(vreinterpretq_u16_s16(v))); }
  static Vec load_where(const int16_t* p, const uint8_t* where, int index) {
    const uint8x8_t same = vceq_u8(vld1_u8(where), vdup_n_u8(uint8_t(index)));
    return vandq_s16(load(p), vmovl_s8(vreinterpret_s8_u8(same)));
  }
  static Sums sums(int32_t start) { return {vdupq_n_s32(start), vdupq_n_s32(start)}; }
  static void add(Sums& s, Vec a, Vec b) {
    s.low = vaddq_s32(s.low, vaddl_s16(vget_low_s16(a), vget_low_s16(b)));
    s.high = vaddq_s32(s.high, vaddl_high_s16(a, b));
  }
  static Vec rounded(const Sums& s, int shift) {
    const int32x4_t by = vdupq_n_s32(-shift);
    return vmovn_high_s32(vmovn_s32(vshlq_s32(s.low, by)), vshlq_s32(s.high, by));
  }
};
