// What the NEON policies of conv_tiles.inl share: everything but the byte products. Included after <arm_neon.h> inside the
// ISA files' unnamed namespace. Loads and stores are of bytes, since operands may be unaligned.

struct Neon {
  using Vec = int32x4_t;
  static constexpr int lanes = 4, rows = 16, gradient_rows = 4, gradient_columns = 4;
  static constexpr bool has_pairs = false;
  static Vec zero() { return vdupq_n_s32(0); }
  static Vec load(const void* p) { return vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
  static void store(void* p, Vec v) { vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_s32(v)); }
  static Vec add(Vec a, Vec b) { return vaddq_s32(a, b); }
  static Vec min(Vec a, Vec b) { return vminq_s32(a, b); }
  static Vec max(Vec a, Vec b) { return vmaxq_s32(a, b); }
  static Vec shift_left(Vec a, int count) { return vshlq_s32(a, vdupq_n_s32(count)); }
  static Vec shift_right(Vec a, int count) { return vshlq_s32(a, vdupq_n_s32(-count)); }  // arithmetic
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return vdupq_n_s32(word);
  }

  /// The two int16 of every word. Split once, so that a word product is two multiply-adds.
  struct Halves {
    int16x4_t low, high;
  };
  static Halves halves(Vec v) { return {vmovn_s32(v), vshrn_n_s32(v, 16)}; }
  static Vec dot_halves(Vec acc, Halves a, Halves w) {
    return vmlal_s16(vmlal_s16(acc, a.low, w.low), a.high, w.high);
  }

  static void interleave16(const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3, uint8_t* out) {
    vst4q_u8(out, {{vld1q_u8(p0), vld1q_u8(p1), vld1q_u8(p2), vld1q_u8(p3)}});
  }
  static void interleave8(const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3, uint8_t* out) {
    vst4_u8(out, {{vld1_u8(p0), vld1_u8(p1), vld1_u8(p2), vld1_u8(p3)}});
  }
};
