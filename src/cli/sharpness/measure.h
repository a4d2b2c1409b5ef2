// The loss around a network's parameters, on fixed batches: how sharply it bends at most, and along random directions.
#pragma once
#include <functional>
#include <vector>

#include "cli/statistic.h"
#include "data/loader.h"
#include "nn/network.h"
#include "train/hessian.h"

namespace subbyte {

struct SharpnessOptions {
  int iterations = 20;  ///< of the power iteration, at most
  double tolerance = 0.01;  ///< the relative change that ends it
  double step = 2e-3;   ///< of the Hessian's differences: the unit vector moves the parameters by step |parameters|
  int directions = 3;
  double range = 1;     ///< directions are followed from -range to range
  uint64_t seed = 1;    ///< of the start vector and the directions
};

struct DirectionCurve {
  std::vector<double> loss;  ///< at Sharpness::x
  double curvature = 0;      ///< at 0, of the parabola through the three points in the middle
};

struct Sharpness {
  double loss = 0, accuracy = 0;  ///< at the parameters
  double gradient_length = 0, parameter_length = 0;
  TopEigenvalue top;
  std::vector<double> x;  ///< 21 steps
  std::vector<DirectionCurve> directions;

  /// Over the directions.
  std::vector<Statistic> loss_along() const;
  Statistic curvature() const;
};

struct SharpnessEvents {
  std::function<void(const Sharpness&)> on_point = [](const Sharpness&) {};  ///< the parameters themselves were measured
  std::function<void(const TopEigenvalue&)> on_iteration = [](const TopEigenvalue&) {};
  std::function<void(const DirectionCurve&)> on_direction = [](const DirectionCurve&) {};
};

/// The loss is the mean over the batches, each normalized by its own statistics. The network's parameters are afterwards
/// what they were, its running statistics are not. Throws Error where a loss or a gradient is not finite.
Sharpness measure_sharpness(Network& network, const std::vector<LoadedBatch>& batches, const SharpnessOptions& options,
                            const SharpnessEvents& events);

}  // namespace subbyte
