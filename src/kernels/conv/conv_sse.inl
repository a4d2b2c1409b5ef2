// Byte shuffles that all x86 paths share (SSE registers; AVX encodings where the including file has them).

inline __m128i load16(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline void store16(uint8_t* p, __m128i v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }

inline void interleave_words(const uint8_t* p0, const uint8_t* p1, const uint8_t* p2, const uint8_t* p3, uint8_t* out) {
  const __m128i a = load16(p0), b = load16(p1), c = load16(p2), d = load16(p3);
  const __m128i ab = _mm_unpacklo_epi8(a, b), cd = _mm_unpacklo_epi8(c, d);
  const __m128i ab_high = _mm_unpackhi_epi8(a, b), cd_high = _mm_unpackhi_epi8(c, d);
  store16(out, _mm_unpacklo_epi16(ab, cd));
  store16(out + 16, _mm_unpackhi_epi16(ab, cd));
  store16(out + 32, _mm_unpacklo_epi16(ab_high, cd_high));
  store16(out + 48, _mm_unpackhi_epi16(ab_high, cd_high));
}
