// Sharpness as lines, as JSON, and as a figure.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "cli/plot/figure.h"
#include "cli/sharpness/measure.h"

namespace subbyte {

std::string point_line(const Sharpness& sharpness);
std::string iteration_line(const TopEigenvalue& so_far);
std::string top_line(const TopEigenvalue& top);
/// The losses along the directions, and their curvature.
std::string direction_table(const Sharpness& sharpness);

/// What was measured. A statistic's deviation is null where there is one direction.
nlohmann::ordered_json sharpness_json(const Sharpness& sharpness);

/// Mean and deviation of the losses along the directions.
Figure landscape_figure(const Sharpness& sharpness, const std::string& run);

}  // namespace subbyte
