#include "quant/rounding_errors.h"

#include <cmath>

namespace subbyte {

void Power::add(std::span<const double> exact, std::span<const double> found) {
  for (size_t i = 0; i < exact.size(); ++i) {
    const double e = found[i] - exact[i];
    signal += exact[i] * exact[i];
    noise += e * e;
  }
}

double Power::decibels() const { return 10 * std::log10(signal / noise); }

void RoundingErrors::add(std::span<const double> exact, std::span<const std::vector<double>> found) {
  const double n = double(found.size());
  elements_ += int64_t(exact.size());
  for (size_t i = 0; i < exact.size(); ++i) {
    double sum = 0, squares = 0;  // of the errors, which are small: no digits are lost
    for (size_t k = 0; k < found.size(); ++k) {
      const double e = found[k][i] - exact[i];
      error_[k] += e;
      product_[k] += e * exact[i];
      sum += e;
      squares += e * e;
    }
    variance_ += (squares - sum * sum / n) / (n - 1);
    power_.signal += exact[i] * exact[i];
    power_.noise += squares / n;
  }
}

Estimate RoundingErrors::bias() const {
  Estimate e = mean_of(error_);
  const double n = double(elements_ > 0 ? elements_ : 1);
  return {e.value / n, e.error / n};
}

Estimate RoundingErrors::gain() const {
  if (!(power_.signal > 0)) return {};
  const Estimate e = mean_of(product_);
  return {e.value / power_.signal, e.error / power_.signal};
}

Estimate mean_of(std::span<const double> values) {
  const double n = double(values.size());
  double sum = 0, squares = 0;
  for (double v : values) sum += v;
  for (double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double(a[i]) * b[i];
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace subbyte
