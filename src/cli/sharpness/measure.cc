#include "cli/sharpness/measure.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "train/landscape.h"

namespace subbyte {
namespace {

constexpr int kHalf = 10;  // steps on each side

class BatchLoss {
 public:
  BatchLoss(Network& network, const std::vector<LoadedBatch>& batches) : network_(network), batches_(batches) {}

  struct Point {
    double loss = 0, accuracy = 0;
    Vector gradient;
  };

  /// `where` tells of a loss that is not finite.
  Point at(const Vector& parameters, const std::string& where) const {
    set_values(network_.params(), parameters);
    Point point{0, 0, Vector(parameters.size(), 0.0)};
    const double share = 1 / double(batches_.size());
    for (const LoadedBatch& batch : batches_) {
      const StepResult step = run(batch, where);
      point.loss += share * step.loss;
      point.accuracy += share * step.correct / batch.count;
      size_t next = 0;
      for (const Param& param : network_.params())
        for (float g : param.grad) point.gradient[next++] += share * g;
    }
    if (!std::isfinite(point.loss)) throw Error(fmt::format("{}: the loss is {}", where, point.loss));
    return point;
  }

 private:
  StepResult run(const LoadedBatch& batch, const std::string& where) const {
    try {
      return network_.train_step({batch.count, batch.pixels.data(), batch.labels.data()}, 0);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", where, error.what()));
    }
  }

  Network& network_;
  const std::vector<LoadedBatch>& batches_;
};

TopEigenvalue hessian_top(const BatchLoss& loss, const Vector& w, double e, const Vector& start,
                          const SharpnessOptions& options, const SharpnessEvents& events) {
  const VectorFunction gradient = [&](const Vector& at) { return loss.at(at, "Hessian").gradient; };
  const VectorFunction product = [&](const Vector& v) { return hessian_product(gradient, w, v, e); };
  PowerOptions power;
  power.iterations = options.iterations;
  power.tolerance = options.tolerance;
  power.on_iteration = events.on_iteration;
  return top_eigenvalue(product, start, power);
}

DirectionCurve curve(const BatchLoss& loss, const Vector& w, double middle, const Vector& d, const std::vector<double>& x,
                     int number) {
  DirectionCurve result;
  for (double at : x) {
    Vector moved(w);
    for (size_t i = 0; i < w.size(); ++i) moved[i] += at * d[i];
    const std::string where = fmt::format("direction {} at {:.3g}", number, at);
    result.loss.push_back(at == 0 ? middle : loss.at(moved, where).loss);
  }
  result.curvature = parabola_curvature(result.loss[kHalf - 1], middle, result.loss[kHalf + 1], x[kHalf + 1]);
  return result;
}

}  // namespace

std::vector<Statistic> Sharpness::loss_along() const {
  std::vector<Statistic> along;
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<double> values;
    for (const DirectionCurve& direction : directions) values.push_back(direction.loss[i]);
    along.push_back(statistic(values));
  }
  return along;
}

Statistic Sharpness::curvature() const {
  std::vector<double> values;
  for (const DirectionCurve& direction : directions) values.push_back(direction.curvature);
  return statistic(values);
}

Sharpness measure_sharpness(Network& network, const std::vector<LoadedBatch>& batches, const SharpnessOptions& options,
                            const SharpnessEvents& events) {
  const Vector w = values_of(network.params());
  std::vector<Vector> directions = {random_direction(network.params(), options.seed, 0)};
  for (int k = 1; k <= options.directions; ++k)
    directions.push_back(filter_direction(network.params(), options.seed, uint32_t(k)));
  const BatchLoss loss(network, batches);
  const BatchLoss::Point point = loss.at(w, "the run's parameters");

  Sharpness result;
  result.loss = point.loss;
  result.accuracy = point.accuracy;
  result.gradient_length = length(point.gradient);
  result.parameter_length = length(w);
  events.on_point(result);
  result.top = hessian_top(loss, w, options.step * result.parameter_length, directions[0], options, events);
  for (int i = -kHalf; i <= kHalf; ++i) result.x.push_back(options.range * i / kHalf);
  for (int k = 1; k <= options.directions; ++k) {
    result.directions.push_back(curve(loss, w, point.loss, directions[size_t(k)], result.x, k));
    events.on_direction(result.directions.back());
  }
  set_values(network.params(), w);
  return result;
}

}  // namespace subbyte
