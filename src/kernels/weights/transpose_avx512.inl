/// 16 x 16 double words: lanes of 4 x 4 by unpacking, then the lanes themselves.
inline void transpose(__m512i (&v)[16]) {
  __m512i t[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512i a = _mm512_unpacklo_epi32(v[i], v[i + 1]), b = _mm512_unpacklo_epi32(v[i + 2], v[i + 3]);
    const __m512i c = _mm512_unpackhi_epi32(v[i], v[i + 1]), d = _mm512_unpackhi_epi32(v[i + 2], v[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, b), t[i + 1] = _mm512_unpackhi_epi64(a, b);
    t[i + 2] = _mm512_unpacklo_epi64(c, d), t[i + 3] = _mm512_unpackhi_epi64(c, d);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {  // lane l of t[4 k + j] holds rows 4 k .. 4 k + 3 of column 4 l + j
    const __m512i a = _mm512_shuffle_i32x4(t[j], t[4 + j], 0x88), b = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0x88);
    const __m512i c = _mm512_shuffle_i32x4(t[j], t[4 + j], 0xDD), d = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0xDD);
    v[j] = _mm512_shuffle_i32x4(a, b, 0x88);
    v[8 + j] = _mm512_shuffle_i32x4(a, b, 0xDD);
    v[4 + j] = _mm512_shuffle_i32x4(c, d, 0x88);
    v[12 + j] = _mm512_shuffle_i32x4(c, d, 0xDD);
  }
}
