// Flat loops that the compiler turns into vectors of the including file's instruction set.

inline int16_t mulh(int16_t a, int16_t b) { return int16_t((((int32_t(a) * b) >> 14) + 1) >> 1); }

inline void grid_block(const int16_t* __restrict z, int n, const QuantizeGrid& g, int16_t* __restrict out) {
  const int16_t* __restrict limit = g.limit;
  const int16_t* __restrict pow2 = g.pow2;
  const int16_t m = g.multiplier;
  for (int i = 0; i < n; ++i) {
    const int16_t top = limit[i], low = int16_t(-top);
    int16_t v = z[i] < top ? z[i] : top;
    v = v > low ? v : low;
    out[i] = mulh(int16_t(v * pow2[i]), m);
  }
}

template <int F>
inline void nearest_block(const int16_t* __restrict grid, int n, int zero, uint8_t* __restrict codes) {
  for (int i = 0; i < n; ++i) {
    const int16_t v = grid[i];
    const int16_t odd = int16_t((v >> F) & 1);
    codes[i] = uint8_t(int16_t(int16_t(v + odd + ((1 << (F - 1)) - 1)) >> F) + zero);
  }
}

/// Calls f(offset, length) over blocks that start at channel 0 and are at most one period long.
template <class Body>
inline void blocks(int64_t count, int period, Body body) {
  for (int64_t at = 0; at < count; at += period) body(at, int(count - at < period ? count - at : period));
}

constexpr int longest_block = 512;  // period is below 256 + 256 for up to 256 channels; longer periods are split

template <class Block>
inline void for_grid_blocks(const int16_t* z, int64_t count, const QuantizeGrid& g, Block block) {
  alignas(64) int16_t grid[longest_block];
  blocks(count, g.period, [&](int64_t at, int n) {
    for (int from = 0; from < n; from += longest_block) {
      const int m = n - from < longest_block ? n - from : longest_block;
      QuantizeGrid part = g;
      part.limit += from;
      part.pow2 += from;
      grid_block(z + at + from, m, part, grid);
      block(at + from, m, grid);
    }
  });
}

void nearest(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, uint8_t* codes) {
  for_grid_blocks(z, count, g, [&](int64_t at, int n, const int16_t* grid) {
    switch (g.fraction) {
      case 6: return nearest_block<6>(grid, n, zero, codes + at);
      case 7: return nearest_block<7>(grid, n, zero, codes + at);
      case 8: return nearest_block<8>(grid, n, zero, codes + at);
      case 9: return nearest_block<9>(grid, n, zero, codes + at);
      case 10: return nearest_block<10>(grid, n, zero, codes + at);
      case 11: return nearest_block<11>(grid, n, zero, codes + at);
      case 12: return nearest_block<12>(grid, n, zero, codes + at);
      case 13: return nearest_block<13>(grid, n, zero, codes + at);
    }
  });
}

/// At most longest_block lanes of a block: their shifts, then their codes row by row.
template <int F>
inline void stochastic_lanes(const int16_t* __restrict z, int rows, int lanes, int n, const QuantizeGrid& g, int most_shift,
                             const uint8_t* __restrict random, int8_t* __restrict codes) {
  const int16_t* __restrict limit = g.limit;
  const int16_t* __restrict pow2 = g.pow2;
  alignas(64) int16_t top[longest_block], pow2_shifted[longest_block], limit_shifted[longest_block], factor[longest_block];
  for (int i = 0; i < n; ++i) top[i] = 0;
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < n; ++i) {
      const int16_t v = z[row * lanes + i], magnitude = int16_t(v < 0 ? -v : v);
      top[i] = magnitude > top[i] ? magnitude : top[i];
    }
  for (int i = 0; i < n; ++i) {
    limit_shifted[i] = limit[i];
    pow2_shifted[i] = pow2[i];
    factor[i] = int16_t(1 << most_shift);
  }
  for (int e = 1; e <= most_shift; ++e)
    for (int i = 0; i < n; ++i) {
      const int16_t half = int16_t(limit_shifted[i] >> 1);
      const bool fits = factor[i] == int16_t(1 << (most_shift - e + 1)) && top[i] <= half;
      limit_shifted[i] = fits ? half : limit_shifted[i];
      pow2_shifted[i] = fits ? int16_t(pow2_shifted[i] << 1) : pow2_shifted[i];
      factor[i] = fits ? int16_t(factor[i] >> 1) : factor[i];
    }
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < n; ++i) {
      const int16_t most = limit_shifted[i], least = int16_t(-most), in = z[row * lanes + i];
      int16_t v = in < most ? in : most;
      v = mulh(int16_t((v > least ? v : least) * pow2_shifted[i]), g.multiplier);
      const int16_t u = int16_t(random[row * lanes + i] >> (8 - F));
      codes[row * lanes + i] = int8_t(int16_t(int16_t(v + u) >> F) * factor[i]);
    }
}

template <int F>
inline void stochastic_blocks(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift,
                              const uint8_t* random, int8_t* codes) {
  const int lanes = block_lanes(channels);
  for (int64_t at = 0; at < count; at += int64_t{block_rows} * lanes) {
    const int64_t left = count - at;
    const int whole = left < int64_t{block_rows} * lanes ? int(left / lanes) : block_rows;
    const int rest = whole < block_rows ? int(left % lanes) : 0;  // lanes that have one row more
    for (int from = 0; from < lanes;) {
      const int end = from < rest ? rest : lanes, n = end - from < longest_block ? end - from : longest_block;
      QuantizeGrid part = g;
      part.limit += from;
      part.pow2 += from;
      stochastic_lanes<F>(z + at + from, whole + (from < rest), lanes, n, part, most_shift, random + at + from,
                          codes + at + from);
      from += n;
    }
  }
}

void stochastic(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, const uint8_t* random,
                int8_t* codes) {
  switch (g.fraction) {
    case 6: return stochastic_blocks<6>(z, count, g, channels, most_shift, random, codes);
    case 7: return stochastic_blocks<7>(z, count, g, channels, most_shift, random, codes);
    case 8: return stochastic_blocks<8>(z, count, g, channels, most_shift, random, codes);
  }
}

/// Philox on 64-bit lanes whose low halves count: V::multiply takes the low 32 bits of each lane to a 64-bit product, and
/// what the high halves hold in between is never read.
template <class V>
inline void philox_lanes(const RandomStream& s, uint32_t counter, uint32_t* out) {
  typename V::Vec x0 = V::counters(counter), x1 = V::all(s.tensor), x2 = V::all(s.step), x3 = V::all(s.use);
  const typename V::Vec m0 = V::all(0xD2511F53u), m1 = V::all(0xCD9E8D57u);
  uint32_t k0 = s.key.k0, k1 = s.key.k1;
  for (int round = 0; round < 10; ++round) {
    const typename V::Vec p0 = V::multiply(x0, m0), p1 = V::multiply(x2, m1);
    x0 = V::mix(V::high(p1), x1, V::all(k0));
    x2 = V::mix(V::high(p0), x3, V::all(k1));
    x1 = p1;
    x3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  V::store_low(out, x0);
  V::store_low(out + 16, x1);
  V::store_low(out + 32, x2);
  V::store_low(out + 48, x3);
}

template <class V>
void random(const RandomStream& s, int64_t count, uint16_t* out) {
  alignas(64) uint32_t words[64];
  for (int64_t at = 0; at < count; at += 128) {
    for (int lane = 0; lane < 16; lane += V::lanes)
      philox_lanes<V>(s, s.first_counter + uint32_t(at / 8) + uint32_t(lane), words + lane);
    __builtin_memcpy(out + at, words, sizeof words);
  }
}

/// Lanes of `lane` bits whose low `ones` bits are set.
constexpr uint64_t lane_mask(int lane, int ones) {
  uint64_t mask = 0;
  for (int at = 0; at < 64; at += lane) mask |= ((uint64_t{1} << ones) - 1) << at;
  return mask;
}

/// Eight codes, a byte each, to the low 8 Bits bits: pairs, fours, then all of them move together.
template <int Bits>
inline uint64_t squeeze(uint64_t x) {
  x = (x & lane_mask(16, Bits)) | ((x >> (8 - Bits)) & (lane_mask(16, Bits) << Bits));
  x = (x & lane_mask(32, 2 * Bits)) | ((x >> (16 - 2 * Bits)) & (lane_mask(32, 2 * Bits) << 2 * Bits));
  return (x & lane_mask(64, 4 * Bits)) | ((x >> (32 - 4 * Bits)) & (lane_mask(64, 4 * Bits) << 4 * Bits));
}

template <int Bits>
inline uint64_t spread(uint64_t x) {
  x = (x & lane_mask(64, 4 * Bits)) | (((x >> 4 * Bits) & lane_mask(64, 4 * Bits)) << 32);
  x = (x & lane_mask(32, 2 * Bits)) | (((x >> 2 * Bits) & lane_mask(32, 2 * Bits)) << 16);
  return (x & lane_mask(16, Bits)) | (((x >> Bits) & lane_mask(16, Bits)) << 8);
}

constexpr int groups_at_once = 32;

/// At most groups_at_once groups of Bits bytes. Bytes are touched at each, Bits or 8 of them: those beyond the group are zeros until
/// the next one is written.
template <int Bits, int Bytes>
inline void pack_run(const uint8_t* codes, int groups, uint8_t* packed) {
  uint64_t word[groups_at_once];
  for (int g = 0; g < groups; ++g) {
    __builtin_memcpy(word + g, codes + 8 * g, 8);
    word[g] = squeeze<Bits>(word[g]);
  }
  for (int g = 0; g < groups; ++g) __builtin_memcpy(packed + Bits * g, word + g, Bytes);
}

template <int Bits, int Bytes>
inline void unpack_run(const uint8_t* packed, int groups, uint8_t* codes) {
  uint64_t word[groups_at_once];
  for (int g = 0; g < groups; ++g) {
    word[g] = 0;
    __builtin_memcpy(word + g, packed + Bits * g, Bytes);
  }
  for (int g = 0; g < groups; ++g) {
    const uint64_t x = spread<Bits>(word[g]);
    __builtin_memcpy(codes + 8 * g, &x, 8);
  }
}

/// How many of the groups have 8 bytes up to the end of the last one.
constexpr int64_t wide_groups(int64_t groups, int bits) { return groups * bits < 8 ? 0 : (groups * bits - 8) / bits + 1; }

inline int run_length(int64_t left) { return left < groups_at_once ? int(left) : groups_at_once; }

template <int Bits>
inline void pack_groups(const uint8_t* codes, int64_t groups, uint8_t* packed) {
  const int64_t wide = wide_groups(groups, Bits);
  for (int64_t g = 0; g < wide; g += groups_at_once)
    pack_run<Bits, 8>(codes + 8 * g, run_length(wide - g), packed + Bits * g);
  pack_run<Bits, Bits>(codes + 8 * wide, int(groups - wide), packed + Bits * wide);
}

template <int Bits>
inline void unpack_groups(const uint8_t* packed, int64_t groups, uint8_t* codes) {
  const int64_t wide = wide_groups(groups, Bits);
  for (int64_t g = 0; g < wide; g += groups_at_once)
    unpack_run<Bits, 8>(packed + Bits * g, run_length(wide - g), codes + 8 * g);
  unpack_run<Bits, Bits>(packed + Bits * wide, int(groups - wide), codes + 8 * wide);
}

/// Widths that divide a byte: loops over bytes, which vectors do well.
template <int Bits>
inline void pack_bytes(const uint8_t* __restrict codes, int64_t bytes, uint8_t* __restrict packed) {
  constexpr int each = 8 / Bits;
  for (int64_t i = 0; i < bytes; ++i) {
    unsigned byte = 0;
    for (int j = 0; j < each; ++j) byte |= unsigned(codes[each * i + j]) << (Bits * j);
    packed[i] = uint8_t(byte);
  }
}

/// The way back: code j of a byte is what stands at bit 8 j of byte << (8 - Bits) j. A Word has one byte a code.
template <int Bits, class Word>
inline void unpack_bytes(const uint8_t* __restrict packed, int64_t bytes, uint8_t* __restrict codes) {
  constexpr int each = sizeof(Word), step = 8 - Bits;
  constexpr Word mask = Word(Word(~Word(0)) / 255 * ((1 << Bits) - 1));
  for (int64_t i = 0; i < bytes; ++i) {
    Word word = packed[i];
    if constexpr (each > 4) word |= word << 4 * step;
    if constexpr (each > 2) word |= word << 2 * step;
    word = Word(word | word << step) & mask;
    __builtin_memcpy(codes + each * i, &word, each);
  }
}

void pack(const uint8_t* codes, int64_t count, int bits, uint8_t* packed) {
  const int64_t groups = count / 8;
  switch (bits) {
    case 1: pack_bytes<1>(codes, groups, packed); break;
    case 2: pack_bytes<2>(codes, groups * 2, packed); break;
    case 3: pack_groups<3>(codes, groups, packed); break;
    case 4: pack_bytes<4>(codes, groups * 4, packed); break;
    case 5: pack_groups<5>(codes, groups, packed); break;
    case 6: pack_groups<6>(codes, groups, packed); break;
    case 7: pack_groups<7>(codes, groups, packed); break;
    case 8: __builtin_memcpy(packed, codes, size_t(groups * 8)); break;
  }
  if (count % 8) {
    uint8_t last[8] = {};
    for (int64_t i = groups * 8; i < count; ++i) last[i - groups * 8] = codes[i];
    pack(last, 8, bits, packed + groups * bits);
  }
}

void unpack(const uint8_t* packed, int64_t count, int bits, uint8_t* codes) {
  const int64_t groups = (count + 7) / 8;
  switch (bits) {
    case 1: return unpack_bytes<1, uint64_t>(packed, groups, codes);
    case 2: return unpack_bytes<2, uint32_t>(packed, groups * 2, codes);
    case 3: return unpack_groups<3>(packed, groups, codes);
    case 4: return unpack_bytes<4, uint16_t>(packed, groups * 4, codes);
    case 5: return unpack_groups<5>(packed, groups, codes);
    case 6: return unpack_groups<6>(packed, groups, codes);
    case 7: return unpack_groups<7>(packed, groups, codes);
    case 8: __builtin_memcpy(codes, packed, size_t(groups * 8)); return;
  }
}

void unpack_rows(const uint8_t* packed, int rows, int64_t count, int bits, uint8_t* codes, int64_t step) {
  for (int row = 0; row < rows; ++row) unpack(packed + row * packed_bytes(count, bits), count, bits, codes + row * step);
}

/// At most longest_block lanes of a block of z >= 0: their shifts u, then their codes, rows `step` apart.
template <int F>
inline void nearest_lanes(const int16_t* __restrict z, int rows, int lanes, int n, const QuantizeGrid& g, int most_shift,
                          uint8_t* __restrict codes, int step, int16_t* __restrict up) {
  const int16_t* __restrict limit = g.limit;
  const int16_t* __restrict pow2 = g.pow2;
  alignas(64) int16_t top[longest_block], limit_shifted[longest_block], pow2_shifted[longest_block];
  for (int i = 0; i < n; ++i) top[i] = 0;
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < n; ++i) top[i] = z[row * lanes + i] > top[i] ? z[row * lanes + i] : top[i];
  for (int i = 0; i < n; ++i) {
    limit_shifted[i] = limit[i];
    pow2_shifted[i] = pow2[i];
    up[i] = int16_t(most_shift);
  }
  for (int e = 0; e < most_shift; ++e)
    for (int i = 0; i < n; ++i) {
      const int16_t half = int16_t(limit_shifted[i] >> 1);
      const bool fits = top[i] <= half;  // false once, false for all smaller halves
      limit_shifted[i] = fits ? half : limit_shifted[i];
      pow2_shifted[i] = fits ? int16_t(pow2_shifted[i] << 1) : pow2_shifted[i];
      up[i] = int16_t(up[i] - int16_t(fits));
    }
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < n; ++i) {
      const int16_t most = limit_shifted[i], in = z[row * lanes + i];
      const int16_t v = mulh(int16_t((in < most ? in : most) * pow2_shifted[i]), g.multiplier);
      const int16_t odd = int16_t((v >> F) & 1);
      codes[row * step + i] = uint8_t(int16_t(v + odd + ((1 << (F - 1)) - 1)) >> F);
    }
}

void nearest_blocks(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, int bits,
                    uint8_t* packed, uint8_t* shifts) {
  const int lanes = block_lanes(channels);
  const int64_t block = int64_t{block_rows} * lanes;
  const bool whole_rows = lanes > longest_block;  // of a multiple of 8 lanes: packed row by row
  alignas(64) uint8_t codes[block_rows * longest_block];
  alignas(64) int16_t up[longest_block];
  for (int64_t at = 0; at < count; at += block, shifts += (lanes + 31) / 32 * 8) {
    const int64_t left = count - at < block ? count - at : block;
    const int rows = int(left / lanes), rest = int(left % lanes);  // lanes that have one row more
    for (int i = 0; i < (lanes + 31) / 32 * 8; ++i) shifts[i] = 0;
    for (int from = 0; from < lanes;) {
      const int end = from < rest ? rest : lanes, n = end - from < longest_block ? end - from : longest_block;
      const int here = rows + (from < rest), step = whole_rows ? n : lanes;
      QuantizeGrid part = g;
      part.limit += from;
      part.pow2 += from;
      uint8_t* const to = whole_rows ? codes : codes + from;
      switch (g.fraction) {
        case 6: nearest_lanes<6>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 7: nearest_lanes<7>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 8: nearest_lanes<8>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 9: nearest_lanes<9>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 10: nearest_lanes<10>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 11: nearest_lanes<11>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 12: nearest_lanes<12>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
        case 13: nearest_lanes<13>(z + at + from, here, lanes, n, part, most_shift, to, step, up); break;
      }
      for (int i = 0; i < n; ++i) {
        uint8_t* const word = shifts + (from + i) / 32 * 8 + (from + i) % 32 / 8;
        word[0] = uint8_t(word[0] | (up[i] & 1) << (from + i) % 8);
        word[4] = uint8_t(word[4] | (up[i] >> 1) << (from + i) % 8);
      }
      for (int row = 0; whole_rows && row < here; ++row)
        pack(codes + row * n, n, bits, packed + (at + int64_t{row} * lanes + from) / 8 * bits);
      from += n;
    }
    if (!whole_rows) pack(codes, left, bits, packed + at / 8 * bits);
  }
}

void unpack_blocks(const uint8_t* packed, const uint8_t* shifts, int64_t count, int channels, int bits, int64_t row,
                   int64_t step, uint8_t* out) {
  const int lanes = block_lanes(channels);
  const int64_t block = int64_t{block_rows} * lanes;
  alignas(64) uint8_t codes[block_rows * longest_block + 8], factor[longest_block];
  // Elements of rows of n lanes, one behind the other.
  auto raise = [&](int64_t at, int64_t elements, int n) {
    unpack(packed + at / 8 * bits, elements, bits, codes);
    for (int64_t from = 0; from < elements; from += n) {
      uint8_t* __restrict to = codes + from;
      const int run = int(elements - from < n ? elements - from : n);
      for (int i = 0; i < run; ++i) to[i] = uint8_t(to[i] * factor[i]);
    }
    const uint8_t* from = codes;
    for (int64_t i = at, end = at + elements; i < end;) {
      const int64_t x = i % row, run = row - x < end - i ? row - x : end - i;
      __builtin_memcpy(out + i / row * step + x, from, size_t(run));
      from += run, i += run;
    }
  };
  for (int64_t at = 0; at < count; at += block, shifts += (lanes + 31) / 32 * 8) {
    const int64_t left = count - at < block ? count - at : block;
    for (int from = 0; from < lanes; from += longest_block) {
      const int n = lanes - from < longest_block ? lanes - from : longest_block;
      for (int i = 0; i < n; ++i) {
        const int lane = from + i;
        const uint8_t* word = shifts + lane / 32 * 8 + lane % 32 / 8;
        factor[i] = uint8_t(1 << (((word[0] >> lane % 8) & 1) + 2 * ((word[4] >> lane % 8) & 1)));
      }
      if (lanes <= longest_block) raise(at, left, n);
      else
        for (int64_t i = from; i < left; i += lanes) raise(at + i, left - i < n ? left - i : n, n);
    }
  }
}

/// Runs of whole periods and whole bytes, so that codes stay in the first-level cache. (No container: its code would be
/// compiled for this instruction set and could be linked for all.)
void nearest_packed(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, int bits, uint8_t* packed) {
  constexpr int most = 8192;
  alignas(64) uint8_t codes[most];
  const int64_t whole = int64_t(g.period) * (g.period % 8 ? 8 : 1);
  const int64_t unit = whole <= most ? most / whole * whole : most;
  alignas(64) int16_t limit[most], pow2[most];  // where a run begins inside the period
  for (int64_t at = 0; at < count; at += unit) {
    const int n = int(count - at < unit ? count - at : unit);
    QuantizeGrid run = g;
    if (whole > most) {
      for (int i = 0; i < n; ++i) limit[i] = g.limit[(at + i) % g.period], pow2[i] = g.pow2[(at + i) % g.period];
      run = {limit, pow2, most, g.multiplier, g.fraction};
    }
    nearest(z + at, n, run, zero, codes);
    pack(codes, n, bits, packed + at / 8 * bits);
  }
}

void channel_max(const int16_t* z, int64_t count, int channels, int32_t* out) {
  const int period = channels * ((256 + channels - 1) / channels);
  constexpr int tile = 512;
  alignas(64) int16_t top[tile];
  for (int from = 0; from < period; from += tile) {
    const int width = period - from < tile ? period - from : tile;
    for (int i = 0; i < width; ++i) top[i] = 0;
    for (int64_t at = from; at < count; at += period) {
      const int n = int(count - at < width ? count - at : width);
      const int16_t* __restrict p = z + at;
      for (int i = 0; i < n; ++i) {
        const int16_t a = int16_t(p[i] < 0 ? -p[i] : p[i]);
        top[i] = a > top[i] ? a : top[i];
      }
    }
    const int run = width < channels ? width : channels;
    int32_t* __restrict to = out + from % channels;
    for (int base = 0; base < width; base += run)
      for (int c = 0; c < run; ++c) to[c] = top[base + c] > to[c] ? top[base + c] : to[c];
  }
}

void operand(const int8_t* codes, int64_t count, const uint8_t* factor, int period, uint8_t zero, uint8_t* out) {
  if (!factor) {
    const int8_t* __restrict in = codes;
    uint8_t* __restrict to = out;
    for (int64_t i = 0; i < count; ++i) to[i] = uint8_t(in[i] + zero);
    return;
  }
  blocks(count, period, [&](int64_t at, int n) {
    const int8_t* __restrict in = codes + at;
    const uint8_t* __restrict f = factor;
    uint8_t* __restrict to = out + at;
    for (int i = 0; i < n; ++i) to[i] = uint8_t(int16_t(in[i]) * int16_t(f[i]) + zero);
  });
}

void fold_ranges(const int32_t* range, int images, int channels, const int32_t* shift, int32_t* top) {
  for (int i = 0; i < (shift ? channels : images); ++i) top[i] = 0;
  for (int i = 0; i < images; ++i, range += channels) {
    if (shift) {
      const int32_t* __restrict r = range;
      int32_t* __restrict out = top;
      const int left = shift[i];
      for (int c = 0; c < channels; ++c) out[c] = (r[c] << left) > out[c] ? r[c] << left : out[c];
    } else {
      int32_t most = 0;
      for (int c = 0; c < channels; ++c) most = range[c] > most ? range[c] : most;
      top[i] = most;
    }
  }
}
