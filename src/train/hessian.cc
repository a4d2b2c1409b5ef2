#include "train/hessian.h"

#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"

namespace subbyte {
namespace {

Vector moved(const Vector& w, const Vector& v, double by) {
  Vector at(w);
  for (size_t i = 0; i < at.size(); ++i) at[i] += by * v[i];
  return at;
}

Vector scaled(const Vector& v, double factor) {
  Vector result(v);
  for (double& x : result) x *= factor;
  return result;
}

}  // namespace

double dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }
double length(const Vector& v) { return std::sqrt(dot(v, v)); }

Vector hessian_product(const VectorFunction& gradient, const Vector& w, const Vector& v, double e) {
  Vector product = gradient(moved(w, v, e));
  const Vector behind = gradient(moved(w, v, -e));
  for (size_t i = 0; i < product.size(); ++i) {
    product[i] = (product[i] - behind[i]) / (2 * e);
    if (!std::isfinite(product[i]))
      throw Error("Hessian: found a gradient that is not finite, in element " + std::to_string(i));
  }
  return product;
}

TopEigenvalue top_eigenvalue(const VectorFunction& product, const Vector& start, const PowerOptions& options) {
  TopEigenvalue top;
  Vector v = scaled(start, 1 / length(start));
  while (top.iterations < options.iterations && !top.converged) {
    const Vector hv = product(v);
    const double before = top.value, size = length(hv);
    top.value = dot(v, hv);
    top.residual = length(moved(hv, v, -top.value));
    if (++top.iterations > 1 && top.value != 0) top.change = std::abs((top.value - before) / top.value);
    if (size == 0) top.change = 0;  // nothing bends along v
    top.converged = size == 0 || (top.change && *top.change < options.tolerance && top.residual < std::abs(top.value) / 2);
    if (options.on_iteration) options.on_iteration(top);
    if (size > 0) v = scaled(hv, 1 / size);
  }
  return top;
}

}  // namespace subbyte
