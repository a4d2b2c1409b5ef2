// exp, log and cosine from additions, multiplications and divisions of doubles alone: the same bits on every machine,
// which the C library's do not promise. Errors are a few units in the last place.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace subbyte {

/// e^x for x <= 0; 0 below -708.
inline double portable_exp(double x) {
  if (!(x >= -708.0)) return std::isnan(x) ? x : 0.0;
  constexpr double log2e = 1.4426950408889634, ln2_high = 0.693147180369123816490, ln2_low = 1.90821492927058770002e-10;
  const double n = std::floor(x * log2e + 0.5);
  const double r = (x - n * ln2_high) - n * ln2_low;  // |r| <= ln(2) / 2
  constexpr double inverse[] = {1.0,     1.0 / 2, 1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6,  1.0 / 7,
                                1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11, 1.0 / 12, 1.0 / 13, 1.0 / 14};
  double sum = 1.0;
  for (int k = 13; k >= 0; --k) sum = 1.0 + sum * (r * inverse[k]);
  return sum * std::bit_cast<double>(uint64_t(int64_t(n) + 1023) << 52);
}

/// Natural logarithm of a positive, finite, normal x.
inline double portable_log(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int64_t exponent = int64_t(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double t = (m - 1.0) / (m + 1.0), t2 = t * t;  // |t| < 0.172: the series below ends at 2^-58
  double sum = 0.0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
  return double(exponent) * 0.6931471805599453 + 2.0 * t * sum;
}

/// cos(2 pi u) for u in [0, 1).
inline double portable_cos_turn(double u) {
  constexpr double two_pi = 6.283185307179586;
  const double quarter = std::floor(u * 4.0 + 0.5);
  const double r = (u - quarter * 0.25) * two_pi, r2 = r * r;  // |r| <= pi / 4
  double cosine = 1.0, sine = 1.0;
  for (int k = 18; k >= 2; k -= 2) {
    cosine = 1.0 - cosine * r2 / (k * (k - 1.0));
    sine = 1.0 - sine * r2 / (k * (k + 1.0));
  }
  sine *= r;
  switch (int(quarter) & 3) {
    case 0: return cosine;
    case 1: return -sine;
    case 2: return -cosine;
    default: return sine;
  }
}

}  // namespace subbyte
