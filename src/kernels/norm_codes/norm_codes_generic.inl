// Loops over 64 elements that compilers make vectors of bytes of.

/// Bits of 64 elements, as bytes of 0 or 1.
inline void spread_bits(const uint8_t* bits, uint8_t* __restrict flag) {
  for (int byte = 0; byte < 8; ++byte)
    for (int i = 0; i < 8; ++i) flag[8 * byte + i] = (bits[byte] >> i) & 1;
}

/// And back: a multiplication gathers eight of them.
inline void gather_bits(const uint8_t* flag, uint8_t* bits) {
  for (int byte = 0; byte < 8; ++byte) {
    uint64_t eight;
    __builtin_memcpy(&eight, flag + 8 * byte, 8);
    bits[byte] = uint8_t((eight * 0x0102040810204080u) >> 56);
  }
}

struct DitherLanes {
  alignas(64) uint8_t at[64];
  constexpr DitherLanes() : at() {
    for (int l = 0; l < 64; ++l) at[l] = uint8_t(11 * l + 7 * (l / 16));
  }
};
constexpr DitherLanes dither_lanes;

inline void save_64(uint8_t* __restrict codes, const uint8_t* mask, const SavedNormCode& f, uint8_t block) {
  const uint8_t zero = uint8_t(1 << (f.code_bits - 1)), low = uint8_t((1 << f.shift()) - 1);
  const uint8_t levels = uint8_t((1 << f.magnitude_bits()) - 1);
  const int s = f.shift(), m = f.magnitude_bits(), sign = f.saved_bits - 1;
  alignas(64) uint8_t flag[64];
  if (f.has_mask) spread_bits(mask, flag);
  for (int l = 0; l < 64; ++l) {
    const uint8_t q = codes[l], negative = q < zero ? 1 : 0;
    const uint8_t magnitude = negative ? uint8_t(zero - 1 - q) : uint8_t(q - zero);
    const uint8_t dither = uint8_t(dither_lanes.at[l] + block) & low;
    const uint8_t level = uint8_t(uint8_t(magnitude + dither) >> s);
    codes[l] = uint8_t((level < levels ? level : levels) | (negative << sign));
  }
  for (int l = 0; l < 64 && f.has_mask; ++l) codes[l] = uint8_t(codes[l] | (flag[l] << m));
}

inline void restore_64(uint8_t* __restrict codes, uint8_t* mask, const SavedNormCode& f) {
  const uint8_t zero = uint8_t(1 << (f.code_bits - 1)), low = uint8_t((1 << f.magnitude_bits()) - 1);
  const int s = f.shift(), m = f.magnitude_bits(), sign = f.saved_bits - 1;
  alignas(64) uint8_t flag[64];
  for (int l = 0; l < 64; ++l) {
    const uint8_t code = codes[l], magnitude = uint8_t((code & low) << s);
    flag[l] = (code >> m) & 1;
    codes[l] = (code >> sign) ? uint8_t(zero - 1 - magnitude) : uint8_t(zero + magnitude);
  }
  if (f.has_mask && mask) gather_bits(flag, mask);
}

/// body(codes, mask, block) on 64 elements at a time; the last ones in a copy.
template <class Mask, class Body>
inline void each_64(uint8_t* codes, Mask* mask, int64_t count, Body body) {
  int64_t at = 0;
  for (; at + 64 <= count; at += 64) body(codes + at, mask ? mask + at / 8 : mask, uint8_t(5 * (at / 64)));
  if (at == count) return;
  const size_t left = size_t(count - at), bytes = (left + 7) / 8;
  alignas(64) uint8_t last[64] = {}, bits[8] = {};
  __builtin_memcpy(last, codes + at, left);
  if (mask) __builtin_memcpy(bits, mask + at / 8, bytes);
  body(last, bits, uint8_t(5 * (at / 64)));
  __builtin_memcpy(codes + at, last, left);
  if constexpr (!std::is_const_v<Mask>) {
    if (left % 8) bits[bytes - 1] &= uint8_t((1 << (left % 8)) - 1);
    if (mask) __builtin_memcpy(mask + at / 8, bits, bytes);
  }
}

void save(uint8_t* codes, const uint8_t* mask, int64_t count, const SavedNormCode& f, int start) {
  each_64(codes, f.has_mask ? mask : nullptr, count, [&](uint8_t* block_codes, const uint8_t* bits, uint8_t block) {
    save_64(block_codes, bits, f, uint8_t(block + start));
  });
}

void restore(uint8_t* codes, uint8_t* mask, int64_t count, const SavedNormCode& f) {
  each_64(codes, f.has_mask ? mask : nullptr, count, [&](uint8_t* block_codes, uint8_t* bits, uint8_t) {
    restore_64(block_codes, bits, f);
  });
}
