// What the NEON policies of the tiles share: everything but the byte products. Included after <arm_neon.h> inside the ISA
// files' unnamed namespace. Loads and stores are of bytes, since operands may be unaligned.

struct Neon {
  using Vec = int32x4_t;
  static constexpr int lanes = 4;
  static constexpr bool has_pairs = false;
  static constexpr int row_pair = 0;
  static Vec zero() { return vdupq_n_s32(0); }
  static Vec all(int32_t v) { return vdupq_n_s32(v); }
  static Vec load(const void* p) { return vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
  static void store(void* p, Vec v) { vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_s32(v)); }
  static Vec add(Vec a, Vec b) { return vaddq_s32(a, b); }
  static Vec min(Vec a, Vec b) { return vminq_s32(a, b); }
  static Vec max(Vec a, Vec b) { return vmaxq_s32(a, b); }
  static bool any_less(Vec a, Vec b) { return vmaxvq_u32(vcltq_s32(a, b)) != 0; }
  static Vec shift_left(Vec a, int count) { return vshlq_s32(a, vdupq_n_s32(count)); }
  static Vec shift_right(Vec a, int count) { return vshlq_s32(a, vdupq_n_s32(-count)); }  // arithmetic
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return vdupq_n_s32(word);
  }
  static void keep(Vec& v) { asm volatile("" : "+w"(v)); }

  /// The two int16 of every word. Split once, so that a word product is two multiply-adds.
  struct Halves {
    int16x4_t low, high;
  };
  static Halves halves(Vec v) { return {vmovn_s32(v), vshrn_n_s32(v, 16)}; }
  static Vec dot_halves(Vec acc, Halves a, Halves w) {
    return vmlal_s16(vmlal_s16(acc, a.low, w.low), a.high, w.high);
  }

  static Vec add_pairs(Vec pairs, Vec, Vec) { return pairs; }
  static Vec widen(Vec acc, Vec) { return acc; }
  static void narrow_store(int16_t* p, Vec a) { vst1_s16(p, vmovn_s32(a)); }
  static void narrow_store(int16_t* p, Vec a, Vec b) { vst1q_s16(p, vmovn_high_s32(vmovn_s32(a), b)); }
  static void words_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d, uint8_t* out) { vst4q_u8(out, {{a, b, c, d}}); }
  static void interleave16(const uint8_t* p, int64_t step, uint8_t* out) {
    words_of(vld1q_u8(p), vld1q_u8(p + step), vld1q_u8(p + 2 * step), vld1q_u8(p + 3 * step), out);
  }
  template <int Bits>
  static void transpose16(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel, int count) {
    uint8x16_t rows[16];
    for (int i = 0; i < 16; ++i) {
      const uint8_t* pixel = pixels + (i < count ? i : count - 1) * step;
      if constexpr (Bits == 8) {
        rows[i] = vld1q_u8(pixel);
      } else {
        const uint8x8_t bytes = vld1_u8(pixel), low = vand_u8(bytes, vdup_n_u8(15)), high = vshr_n_u8(bytes, 4);
        rows[i] = vcombine_u8(vzip1_u8(low, high), vzip2_u8(low, high));
      }
    }
    transpose_rows16(rows, out, out_channel, count);
  }
  static void transpose_rows16(const uint8x16_t (&rows)[16], uint8_t* out, int64_t out_channel, int count) {
    uint8_t word[4][64];
    for (int q = 0; q < 4; ++q) {
      const uint8x16_t* p = rows + 4 * q;
      words_of(p[0], p[1], p[2], p[3], word[q]);
    }
    for (int four = 0; four < 16; four += 4) {  // channels four .. four + 3: transpose 4 x 4 words
      auto words = [&](int q) { return vreinterpretq_u32_s32(load(word[q] + 4 * four)); };
      auto pair = [](uint32x4_t a, uint32x4_t b, bool odd) {
        return vreinterpretq_u64_u32(odd ? vtrn2q_u32(a, b) : vtrn1q_u32(a, b));
      };
      const uint32x4_t a = words(0), b = words(1), c = words(2), d = words(3);
      const uint64x2_t even = pair(a, b, false), odd = pair(a, b, true);
      const uint64x2_t even_high = pair(c, d, false), odd_high = pair(c, d, true);
      const uint64x2_t channel[4] = {vtrn1q_u64(even, even_high), vtrn1q_u64(odd, odd_high),
                                     vtrn2q_u64(even, even_high), vtrn2q_u64(odd, odd_high)};
      for (int i = 0; i < 4; ++i) {
        uint8_t* to = out + (four + i) * out_channel;
        uint8_t bytes[16];
        vst1q_u8(count == 16 ? to : bytes, vreinterpretq_u8_u64(channel[i]));
        if (count < 16)
          for (int j = 0; j < count; ++j) to[j] = bytes[j];
      }
    }
  }
};
