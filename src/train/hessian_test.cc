#include "train/hessian.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace subbyte {
namespace {

/// H = Q diag(values) Q with the reflection Q = I - 2 u u', so that the eigenvalues are `values`.
Vector apply(const Vector& values, Vector v) {
  const size_t n = v.size();
  const auto reflect = [n](Vector& x) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += x[i] * double(i + 1);
    const double squares = double(n * (n + 1) * (2 * n + 1)) / 6;  // of u = (1, 2, ..., n)
    for (size_t i = 0; i < n; ++i) x[i] -= 2 * sum * double(i + 1) / squares;
  };
  reflect(v);
  for (size_t i = 0; i < n; ++i) v[i] *= values[i];
  reflect(v);
  return v;
}

TEST(TopEigenvalue, OfAQuadratic) {
  const Vector values = {0.5, -3, 8, 2, 1}, w = {3, 1, 4, 1, 5}, start = {1, -1, 2, 1, 1};
  const VectorFunction gradient = [&](const Vector& at) {
    Vector g = apply(values, at);
    g[0] += 7;  // a linear term bends nothing
    return g;
  };
  const VectorFunction product = [&](const Vector& v) {
    EXPECT_NEAR(length(v), 1, 1e-12);
    return hessian_product(gradient, w, v, 1e-3);
  };
  const TopEigenvalue top = top_eigenvalue(product, start, {100, 1e-9});
  EXPECT_NEAR(top.value, 8, 1e-6);
  EXPECT_LT(top.residual, 1e-3);
  EXPECT_TRUE(top.converged);
  EXPECT_LT(top.iterations, 40);
  EXPECT_LT(*top.change, 1e-9);
}

TEST(TopEigenvalue, LargestMagnitudeMayBeNegative) {
  const VectorFunction product = [](const Vector& v) { return apply({0.5, -8, 3}, v); };
  const TopEigenvalue top = top_eigenvalue(product, {1, 2, 4}, {100, 1e-9});
  EXPECT_NEAR(top.value, -8, 1e-6);
  EXPECT_TRUE(top.converged);
}

TEST(TopEigenvalue, StopsAtTheLimitAndSaysSo) {
  int products = 0;
  const Vector values = {10, 9.9, 1, 0.1};
  const auto run = [&](int iterations, double tolerance) {
    products = 0;
    const VectorFunction product = [&](const Vector& v) { return ++products, apply(values, v); };
    int told = 0;
    const auto count = [&](const TopEigenvalue& so_far) { EXPECT_EQ(so_far.iterations, ++told); };
    const TopEigenvalue top = top_eigenvalue(product, {1, 1, 1, -2}, {iterations, tolerance, count});
    EXPECT_EQ(products, top.iterations);
    EXPECT_EQ(told, top.iterations);
    // An eigenvalue lies within the residual, however early it ends.
    double nearest = 10;
    for (double value : values) nearest = std::min(nearest, std::abs(top.value - value));
    EXPECT_LE(nearest, top.residual + 1e-12);
    return top;
  };
  const TopEigenvalue one = run(1, 0.01), four = run(4, 0), many = run(50, 0.01);
  EXPECT_FALSE(one.change || one.converged);
  EXPECT_EQ(four.iterations, 4);
  EXPECT_FALSE(four.converged);
  EXPECT_TRUE(many.converged);
  EXPECT_LT(many.iterations, 50);
  EXPECT_LT(*many.change, 0.01);
}

TEST(TopEigenvalue, SteadyQuotientOfNoiseIsNone) {
  const VectorFunction turn = [](const Vector& v) { return Vector{v[0] - 2 * v[1], 2 * v[0] + v[1]}; };
  const TopEigenvalue top = top_eigenvalue(turn, {1, 0}, {5, 0.01});
  EXPECT_NEAR(top.value, 1, 1e-12);
  EXPECT_NEAR(top.residual, 2, 1e-12);
  EXPECT_FALSE(top.converged);
  EXPECT_EQ(top.iterations, 5);
}

TEST(TopEigenvalue, OfAPlaneIsZero) {
  const TopEigenvalue top = top_eigenvalue([](const Vector& v) { return Vector(v.size(), 0.0); }, {1, 2}, {});
  EXPECT_EQ(top.value, 0);
  EXPECT_TRUE(top.converged);
}

TEST(HessianProduct, OfASmallFunction) {
  // f = x^4 + x^2 y + exp(y z): gradient and Hessian by hand.
  const VectorFunction gradient = [](const Vector& w) {
    const double x = w[0], y = w[1], z = w[2], e = std::exp(y * z);
    return Vector{4 * x * x * x + 2 * x * y, x * x + z * e, y * e};
  };
  const double x = 1.5, y = -0.5, z = 0.25, e = std::exp(y * z);
  const double hessian[3][3] = {{12 * x * x + 2 * y, 2 * x, 0},
                                {2 * x, z * z * e, (1 + y * z) * e},
                                {0, (1 + y * z) * e, y * y * e}};
  for (const Vector& v : {Vector{1, 0, 0}, Vector{0, 1, 0}, Vector{0.3, -0.2, 2}}) {
    const Vector found = hessian_product(gradient, {x, y, z}, v, 1e-4);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(found[i], hessian[i][0] * v[0] + hessian[i][1] * v[1] + hessian[i][2] * v[2], 1e-6) << i;
  }
}

TEST(HessianProduct, RefusesWhatIsNotFinite) {
  const VectorFunction gradient = [](const Vector& w) {
    return Vector{w[0], w[1] > 1 ? std::numeric_limits<double>::quiet_NaN() : w[1]};
  };
  EXPECT_NO_THROW(hessian_product(gradient, {1, 0.5}, {0, 1}, 0.25));
  EXPECT_THROW(hessian_product(gradient, {1, 1}, {0, 1}, 0.25), Error);
}

}  // namespace
}  // namespace subbyte
