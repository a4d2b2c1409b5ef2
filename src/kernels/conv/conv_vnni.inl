// The policy of AVX-512 VNNI for conv_product.inl, conv_gradient.inl and conv_pack.inl.

struct Vnni {
  using Vec = __m512i;
  static constexpr int lanes = 16, product_columns = 2, gradient_columns = 2;
  static constexpr bool has_pairs = false, has_offset = false;
  static constexpr int row_pair = 8;
  // 24 accumulators and their operands fit 32 registers; at least 10 hide the latency of two dots a cycle.
  template <Dot D, int NV>
  static constexpr int tile_pixels = NV == 2 ? 12 : 16;
  template <Dot D, int NV>
  static constexpr int usual_pixels = NV == 2 ? 8 : 16;
  template <int NV>
  static constexpr int gradient_rows3 = NV == 2 ? 4 : 8;
  template <int NV>
  static constexpr int gradient_rows1 = NV == 2 ? 8 : 16;
  template <Dot D>
  using Left = Vec;
  template <Dot D>
  using Right = Vec;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec all(int32_t v) { return _mm512_set1_epi32(v); }
  static Vec load(const void* p) { return _mm512_loadu_si512(p); }
  static void store(void* p, Vec v) { _mm512_storeu_si512(p, v); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_epi32(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_epi32(a, b); }
  static bool any_less(Vec a, Vec b) { return _mm512_cmplt_epi32_mask(a, b) != 0; }
  static Vec shift_left(Vec a, int count) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec shift_right(Vec a, int count) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(count)); }
  static Vec broadcast(const uint8_t* p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  static void keep(Vec& v) { asm volatile("" : "+v"(v)); }
  template <Dot D>
  static Vec left(Vec a) { return a; }
  template <Dot D>
  static Vec right(Vec w) { return w; }
  /// In assembly, since GCC copies and spills accumulators around the intrinsics: half the speed.
  template <Dot D>
  static void dot(Vec& acc, Vec a, Vec w) {
    if constexpr (D == Dot::s16) asm("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
    else asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
  }
  static Vec add_pairs(Vec pairs, Vec, Vec) { return pairs; }
  static Vec widen(Vec acc, Vec) { return acc; }
  static void narrow_store(int16_t* p, Vec a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a));
  }
  static void narrow_store(int16_t* p, Vec a, Vec b) {
    const Vec even = _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28, 26, 24, 22, 20,
                                      18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    _mm512_storeu_si512(p, _mm512_permutex2var_epi16(a, even, b));
  }
  /// A transposition of 4 x 4 double words puts the four pixels of 4 channels into one lane, one of 4 x 4 bytes does the rest.
  static void interleave16(const uint8_t* pixel, int step, uint8_t* out) {
    Vec v;
    if (step == 16) {
      v = load(pixel);
    } else {
      v = _mm512_castsi128_si512(load16(pixel));
      v = _mm512_inserti32x4(v, load16(pixel + step), 1);
      v = _mm512_inserti32x4(v, load16(pixel + 2 * step), 2);
      v = _mm512_inserti32x4(v, load16(pixel + 3 * step), 3);
    }
    const Vec words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const Vec bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    store(out, _mm512_shuffle_epi8(_mm512_permutexvar_epi32(words, v), bytes));
  }
  static void put(uint8_t* to, __m128i v, int count) {  // masked stores are slow: only where nothing else fits
    if (count == 16) store16(to, v);
    else if (count == 8) _mm_storel_epi64(reinterpret_cast<__m128i*>(to), v);
    else _mm_mask_storeu_epi8(to, __mmask16((1u << count) - 1u), v);
  }
  static void put_four(uint8_t* to, int64_t step, Vec v, int count) {
    put(to, _mm512_castsi512_si128(v), count);
    put(to + step, _mm512_extracti32x4_epi32(v, 1), count);
    put(to + 2 * step, _mm512_extracti32x4_epi32(v, 2), count);
    put(to + 3 * step, _mm512_extracti32x4_epi32(v, 3), count);
  }
  template <int Bits>
  static void transpose16(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel, int count) {
    if constexpr (Bits == 8) transpose_bytes(pixels, step, out, out_channel, count);
    else transpose_nibbles(pixels, step, out, out_channel, count);
  }
  /// Lane q of a register holds pixels of quad q: two byte and word interleavings give a channel's quads as double words,
  /// one permutation brings a channel's four together.
  static void transpose_bytes(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel, int count) {
    auto row = [&](int j) { return load16(pixels + (j < count ? j : count - 1) * step); };
    auto quad = [&](int j) {
      Vec v = _mm512_castsi128_si512(row(j));
      v = _mm512_inserti32x4(v, row(j + 4), 1);
      v = _mm512_inserti32x4(v, row(j + 8), 2);
      return _mm512_inserti32x4(v, row(j + 12), 3);
    };
    const Vec a = quad(0), b = quad(1), c = quad(2), d = quad(3);
    const Vec ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
    const Vec ab_high = _mm512_unpackhi_epi8(a, b), cd_high = _mm512_unpackhi_epi8(c, d);
    const Vec order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    auto four = [&](Vec words, int channel) {
      put_four(out + channel * out_channel, out_channel, _mm512_permutexvar_epi32(order, words), count);
    };
    four(_mm512_unpacklo_epi16(ab, cd), 0);
    four(_mm512_unpackhi_epi16(ab, cd), 4);
    four(_mm512_unpacklo_epi16(ab_high, cd_high), 8);
    four(_mm512_unpackhi_epi16(ab_high, cd_high), 12);
  }
  /// A pixel's 16 nibbles are 8 bytes; a register holds 8 pixels, which a shuffle of bytes inside lanes of two pixels and
  /// one of words across them turn into 8 rows of 8 pixels. Low halves are even channels, high halves odd ones.
  static Vec eight_pixels(const uint8_t* pixels, int64_t step, int j, int count) {
    auto two = [&](int i) {
      const uint8_t* p = pixels + (i < count ? i : count - 1) * step;
      const uint8_t* q = pixels + (i + 1 < count ? i + 1 : count - 1) * step;
      int64_t second;
      __builtin_memcpy(&second, q, 8);
      return _mm_insert_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), second, 1);
    };
    const Vec bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    const Vec words = _mm512_set_epi16(31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4, 27, 19, 11, 3, 26, 18, 10, 2,
                                       25, 17, 9, 1, 24, 16, 8, 0);
    Vec v;
    if (step == 8 && j + 8 <= count) {
      v = load(pixels + 8 * j);
    } else {
      v = _mm512_castsi128_si512(two(j));
      v = _mm512_inserti32x4(v, two(j + 2), 1);
      v = _mm512_inserti32x4(v, two(j + 4), 2);
      v = _mm512_inserti32x4(v, two(j + 6), 3);
    }
    return _mm512_permutexvar_epi16(words, _mm512_shuffle_epi8(v, bytes));
  }
  static void transpose_nibbles(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel, int count) {
    const Vec low = _mm512_set1_epi8(15), a = eight_pixels(pixels, step, 0, count);
    const Vec b = count > 8 ? eight_pixels(pixels, step, 8, count) : a;
    auto put_rows = [&](Vec v, int first) {  // bytes first, first + 2, ...: channels 2 first and 2 first + 1, four apart
      put_four(out + 2 * first * out_channel, 4 * out_channel, _mm512_and_si512(v, low), count);
      put_four(out + (2 * first + 1) * out_channel, 4 * out_channel, _mm512_and_si512(_mm512_srli_epi16(v, 4), low), count);
    };
    put_rows(_mm512_unpacklo_epi64(a, b), 0);
    put_rows(_mm512_unpackhi_epi64(a, b), 1);
  }
  /// 32 pixels: half as many stores.
  static void transpose32_nibbles(const uint8_t* pixels, int64_t step, uint8_t* out, int64_t out_channel) {
    const Vec low = _mm512_set1_epi8(15);
    const Vec a = eight_pixels(pixels, step, 0, 32), b = eight_pixels(pixels, step, 8, 32);
    const Vec c = eight_pixels(pixels, step, 16, 32), d = eight_pixels(pixels, step, 24, 32);
    auto put_two = [&](uint8_t* to, Vec v) {  // rows of 32 pixels, four channels apart
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(v));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 4 * out_channel), _mm512_extracti64x4_epi64(v, 1));
    };
    auto put_rows = [&](Vec ab, Vec cd, int first) {
      const Vec rows[2] = {_mm512_permutex2var_epi64(ab, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), cd),
                           _mm512_permutex2var_epi64(ab, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), cd)};
      for (int half = 0; half < 2; ++half) {
        uint8_t* to = out + (2 * first + 8 * half) * out_channel;
        put_two(to, _mm512_and_si512(rows[half], low));
        put_two(to + out_channel, _mm512_and_si512(_mm512_srli_epi16(rows[half], 4), low));
      }
    };
    put_rows(_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d), 0);
    put_rows(_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d), 1);
  }
};
