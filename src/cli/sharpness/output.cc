#include "cli/sharpness/output.h"

#include <fmt/format.h>

#include <cmath>

namespace subbyte {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) { return fmt::format("{:.2f}%", 100 * share); }

std::string deviation_text(const Statistic& s) { return s.deviation ? fmt::format("{:.4f}", *s.deviation) : "-"; }

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json statistic_json(const Statistic& s) { return {{"mean", s.mean}, {"deviation", optional_json(s.deviation)}}; }

}  // namespace

std::string point_line(const Sharpness& s) {
  return fmt::format("loss {:.4f}, accuracy {}; lengths: gradient {:.4g}, parameters {:.4g}\n", s.loss, percent(s.accuracy),
                     s.gradient_length, s.parameter_length);
}

std::string iteration_line(const TopEigenvalue& t) {
  return fmt::format("iteration {}: {:.5g}, changed by {}, residual {:.3g}\n", t.iterations, t.value,
                     t.change ? percent(*t.change) : "-", t.residual);
}

std::string top_line(const TopEigenvalue& t) {
  std::string text = fmt::format("top eigenvalue {:.5g}{} after {} iterations, the last changed it by {}; residual {:.3g}\n",
                                 t.value, t.value < 0 ? " (the largest magnitude is a negative one's)" : "", t.iterations,
                                 t.change ? percent(*t.change) : "-", t.residual);
  if (!t.converged) text += "NOT CONVERGED: too few iterations, or noise (a larger --batches or --step has less)\n";
  return text;
}

std::string direction_table(const Sharpness& s) {
  std::string text = fmt::format("{:>8}  {:>9}  {:>9}", "x", "mean loss", "deviation");
  for (size_t k = 1; k <= s.directions.size(); ++k) text += fmt::format("  {:>8}", k);
  text += "\n";
  const std::vector<Statistic> along = s.loss_along();
  for (size_t i = 0; i < s.x.size(); ++i) {
    text += fmt::format("{:>8.3g}  {:>9.4f}  {:>9}", s.x[i], along[i].mean, deviation_text(along[i]));
    for (const DirectionCurve& direction : s.directions) text += fmt::format("  {:>8.4f}", direction.loss[i]);
    text += "\n";
  }
  const Statistic curvature = s.curvature();
  return text + fmt::format("curvature at 0: {:.4f}, deviation {}\n", curvature.mean, deviation_text(curvature));
}

Json sharpness_json(const Sharpness& s) {
  Json curves = Json::array(), means = Json::array(), deviations = Json::array();
  for (const DirectionCurve& d : s.directions) curves.push_back({{"loss", d.loss}, {"curvature", d.curvature}});
  for (const Statistic& at : s.loss_along()) {
    means.push_back(at.mean);
    deviations.push_back(optional_json(at.deviation));
  }
  return {{"loss", s.loss},
          {"accuracy", s.accuracy},
          {"gradient_length", s.gradient_length},
          {"parameter_length", s.parameter_length},
          {"hessian",
           {{"top_eigenvalue", s.top.value},
            {"iterations", s.top.iterations},
            {"change", optional_json(s.top.change)},
            {"residual", s.top.residual},
            {"converged", s.top.converged}}},
          {"landscape",
           {{"x", s.x},
            {"mean", means},
            {"deviation", deviations},
            {"curvature", statistic_json(s.curvature())},
            {"directions", curves}}}};
}

Figure landscape_figure(const Sharpness& s, const std::string& run) {
  const size_t count = s.directions.size();
  Figure figure{.title = run + ": loss along random directions"};
  figure.x_label = "step, in lengths of each filter";
  figure.y_label = "loss";
  Series series{.name = count > 1 ? fmt::format("mean and deviation of {} directions", count) : "one direction"};
  series.x = s.x;
  for (const Statistic& at : s.loss_along()) {
    series.y.push_back(at.mean);
    if (at.deviation) series.error.push_back(*at.deviation);
  }
  figure.series.push_back(series);
  return figure;
}

}  // namespace subbyte
