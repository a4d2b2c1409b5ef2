// Codes to byte words. An element's shift is a multiplication modulo 256, of even and odd bytes apart.

/// The shifts of up to 64 rows, one a byte.
struct RowShifts {
  __m512i even, odd;  ///< 2^left as int16
  bool any;

  RowShifts(const int32_t* left, __mmask64 rows) {
    __m128i power[4];
    __m512i all = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      const __m512i by = _mm512_maskz_loadu_epi32(__mmask16(rows >> (16 * q)), left + 16 * q);
      power[q] = _mm512_cvtepi32_epi8(_mm512_sllv_epi32(_mm512_set1_epi32(1), by));
      all = _mm512_or_si512(all, by);
    }
    any = _mm512_test_epi32_mask(all, all) != 0;
    __m512i bytes = _mm512_inserti32x4(_mm512_castsi128_si512(power[0]), power[1], 1);
    bytes = _mm512_inserti32x4(_mm512_inserti32x4(bytes, power[2], 2), power[3], 3);
    even = _mm512_and_si512(bytes, _mm512_set1_epi16(0xFF));
    odd = _mm512_srli_epi16(bytes, 8);
  }
  __m512i of(__m512i code) const {
    const __m512i low = _mm512_set1_epi16(0xFF);
    return _mm512_or_si512(_mm512_and_si512(_mm512_mullo_epi16(code, even), low),
                           _mm512_mullo_epi16(_mm512_andnot_si512(low, code), odd));
  }
};

inline __mmask64 first(int count) { return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }

/// 64 channels of 16 outputs are 16 x 16 words, which the transposition puts in order.
void forward_bytes(const WeightPack& p) {
  const int words = (p.channels + 3) / 4;
  const __m512i ones = _mm512_set1_epi8(1);
  for (int n = p.begin; n < p.end; n += 16) {
    const int outputs = p.outputs - n, step = panel_width(p.n16, n);
    uint32_t* to = p.words + panel_word(int64_t(p.positions) * words, p.n16, 0, n);
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < p.positions; ++i)
      for (int from = 0; from < p.channels; from += 64) {
        const __mmask64 rows = first(p.channels - from);
        const RowShifts shifts(p.left + from, rows);
        __m512i v[16];
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j)
          v[j] = j < outputs ? _mm512_maskz_loadu_epi8(rows, p.code + (int64_t(n + j) * p.taps + p.order[i]) * p.channels + from)
                             : _mm512_setzero_si512();
        if (shifts.any)
#pragma GCC unroll 16
          for (int j = 0; j < 16; ++j) v[j] = shifts.of(v[j]);
        transpose(v);
#pragma GCC unroll 16
        for (int w = 0; w < 16; ++w)
          if (from + 4 * w < p.channels) {
            sum = _mm512_dpbusd_epi32(sum, ones, v[w]);
            _mm512_storeu_si512(to, v[w]);
            to += step;
          }
      }
    _mm512_storeu_si512(p.column_sum + n, sum);
  }
}

/// Element-wise words of four rows of 64 columns: v[q] becomes those of columns 16 q to 16 q + 15.
inline void interleave(__m512i (&v)[4]) {
  const __m512i ab0 = _mm512_unpacklo_epi8(v[0], v[1]), ab1 = _mm512_unpackhi_epi8(v[0], v[1]);
  const __m512i cd0 = _mm512_unpacklo_epi8(v[2], v[3]), cd1 = _mm512_unpackhi_epi8(v[2], v[3]);
  // Lane q of w0, w1, w2, w3 has columns 16 q + 0, 4, 8, 12 and the three after each.
  const __m512i w0 = _mm512_unpacklo_epi16(ab0, cd0), w1 = _mm512_unpackhi_epi16(ab0, cd0);
  const __m512i w2 = _mm512_unpacklo_epi16(ab1, cd1), w3 = _mm512_unpackhi_epi16(ab1, cd1);
  const __m512i a = _mm512_shuffle_i32x4(w0, w1, 0x44), b = _mm512_shuffle_i32x4(w2, w3, 0x44);
  const __m512i c = _mm512_shuffle_i32x4(w0, w1, 0xEE), d = _mm512_shuffle_i32x4(w2, w3, 0xEE);
  v[0] = _mm512_shuffle_i32x4(a, b, 0x88), v[1] = _mm512_shuffle_i32x4(a, b, 0xDD);
  v[2] = _mm512_shuffle_i32x4(c, d, 0x88), v[3] = _mm512_shuffle_i32x4(c, d, 0xDD);
}

/// 64 columns at a time, two panels: the cache lines of a row are far from the next row's, so each is read whole, once.
void backward_bytes(const WeightPack& p) {
  static constexpr uint32_t kept[8] = {0xFFFFFFFF, 0xFEFEFEFE, 0xFCFCFCFC, 0xF8F8F8F8,
                                       0xF0F0F0F0, 0xE0E0E0E0, 0xC0C0C0C0, 0x80808080};  // bits of bytes shifted left
  const int words = (p.outputs + 3) / 4;
  const __m512i ones = _mm512_set1_epi8(1);
  for (int n = p.begin, end; n < p.end; n = end) {
    end = (n / 64 + 1) * 64 < p.end ? (n / 64 + 1) * 64 : p.end;
    const int blocks = (end - n) / 16;
    const __mmask64 columns = first(p.channels < end ? p.channels - n : end - n);
    uint32_t* to[4];
    int step[4];
    __m512i sum[4];
    for (int q = 0; q < blocks; ++q) {
      to[q] = p.words + panel_word(int64_t(p.positions) * words, p.n16, 0, n + 16 * q);
      step[q] = panel_width(p.n16, n + 16 * q);
    }
    for (__m512i& s : sum) s = _mm512_setzero_si512();
    for (int i = 0; i < p.positions; ++i)
      for (int r = 0; r < p.outputs; r += 4) {
        __m512i v[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) {
          v[q] = _mm512_setzero_si512();
          if (r + q >= p.outputs) continue;
          const int left = p.left[r + q];
          const void* row = p.code + (int64_t(r + q) * p.taps + p.order[i]) * p.channels + n;
          v[q] = _mm512_and_si512(_mm512_sll_epi16(_mm512_maskz_loadu_epi8(columns, row), _mm_cvtsi32_si128(left)),
                                  _mm512_set1_epi32(int32_t(kept[left])));
        }
        interleave(v);
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q)
          if (q < blocks) {
            sum[q] = _mm512_dpbusd_epi32(sum[q], ones, v[q]);
            _mm512_storeu_si512(to[q], v[q]);
            to[q] += step[q];
          }
      }
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q)
      if (q < blocks) _mm512_storeu_si512(p.column_sum + n + 16 * q, sum[q]);
  }
}
