#include "train/landscape.h"

#include <algorithm>
#include <cmath>

#include "nn/normal.h"

namespace subbyte {
namespace {

/// A row is an output filter: parameters are [out][...].
void normalize_filters(const Param& param, double* direction) {
  const size_t filters = size_t(param.shape.front()), size = param.value.size() / filters;
  for (size_t f = 0; f < filters; ++f, direction += size) {
    double weight = 0, own = 0;
    for (size_t i = 0; i < size; ++i) {
      weight += double(param.value[f * size + i]) * param.value[f * size + i];
      own += direction[i] * direction[i];
    }
    const double factor = own > 0 ? std::sqrt(weight / own) : 0;
    for (size_t i = 0; i < size; ++i) direction[i] *= factor;
  }
}

}  // namespace

Vector values_of(const std::vector<Param>& params) {
  Vector values;
  for (const Param& param : params) values.insert(values.end(), param.value.begin(), param.value.end());
  return values;
}

void set_values(std::vector<Param>& params, const Vector& values) {
  size_t next = 0;
  for (Param& param : params)
    for (float& value : param.value) value = float(values[next++]);
}

Vector random_direction(const std::vector<Param>& params, uint64_t seed, uint32_t number) {
  Vector direction;
  for (size_t p = 0; p < params.size(); ++p)
    for (size_t i = 0; i < params[p].value.size(); ++i) {
      const auto words = random_words(seed, RandomUse::direction, number, uint32_t(p), uint32_t(i));
      direction.push_back(standard_normal(words[0], words[1]));
    }
  return direction;
}

Vector filter_direction(const std::vector<Param>& params, uint64_t seed, uint32_t number) {
  Vector direction = random_direction(params, seed, number);
  double* next = direction.data();
  for (const Param& param : params) {
    if (param.is_weight) normalize_filters(param, next);
    else std::fill_n(next, param.value.size(), 0.0);
    next += param.value.size();
  }
  return direction;
}

double parabola_curvature(double before, double middle, double after, double h) {
  return (before - 2 * middle + after) / (h * h);
}

}  // namespace subbyte
