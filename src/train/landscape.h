// Directions in which a loss is looked at, keyed by (seed, number). Vectors hold all parameters, one after the other.
//
// Filter normalization (Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018): each output filter of a
// random direction gets the length of the same filter of the weights, so that curves of networks compare whose weights
// differ in scale, which a normalization after them makes meaningless.
#pragma once
#include <cstdint>
#include <vector>

#include "nn/network.h"
#include "train/hessian.h"

namespace subbyte {

Vector values_of(const std::vector<Param>& params);
void set_values(std::vector<Param>& params, const Vector& values);

/// Standard normal numbers. Those of number 0 are no direction's: where a power iteration starts.
Vector random_direction(const std::vector<Param>& params, uint64_t seed, uint32_t number);

/// random_direction, filter-normalized. Biases and the parameters of norms do not move.
Vector filter_direction(const std::vector<Param>& params, uint64_t seed, uint32_t number);

/// Second derivative at the middle of the parabola through three points at a distance of h.
double parabola_curvature(double before, double middle, double after, double h);

}  // namespace subbyte
