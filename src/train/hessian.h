// The Hessian of a function that is known by its gradient alone: its products with vectors and its top eigenvalue.
#pragma once
#include <functional>
#include <optional>
#include <vector>

namespace subbyte {

using Vector = std::vector<double>;
using VectorFunction = std::function<Vector(const Vector&)>;

double dot(const Vector& a, const Vector& b);
double length(const Vector& v);

/// H v by central differences, (g(w + e v) - g(w - e v)) / 2e, exact where the gradient is a quadratic function along v.
/// Where the gradient jumps (ReLU, |x|), jumps between the two points are noise of a size of about 1 / sqrt(e): a smaller e
/// does not help. Throws Error where the result is not finite.
Vector hessian_product(const VectorFunction& gradient, const Vector& w, const Vector& v, double e);

struct TopEigenvalue {
  double value = 0;              ///< Rayleigh quotient v'Hv of the last product's unit vector v
  int iterations = 0;            ///< products made
  std::optional<double> change;  ///< of the quotient in the last iteration, relative to it; none after one iteration
  double residual = 0;           ///< |Hv - value v|: a symmetric H has an eigenvalue within that distance of `value`
  bool converged = false;        ///< the last change is small enough, and noise does not rule: residual < |value| / 2
};

struct PowerOptions {
  int iterations = 20;      ///< at most
  double tolerance = 0.01;  ///< of `change`
  std::function<void(const TopEigenvalue&)> on_iteration = {};
};

/// The eigenvalue of the largest magnitude of a symmetric H, by power iteration from `start`; H is known by its products.
/// Noise in them turns v away from the eigenvector, so the quotient is too small rather than too large.
TopEigenvalue top_eigenvalue(const VectorFunction& product, const Vector& start, const PowerOptions& options);

}  // namespace subbyte
