// The report's figures.
#include <algorithm>
#include <functional>
#include <optional>

#include "cli/report/page.h"

namespace subbyte {
namespace {

using Value = std::function<std::optional<double>(const EpochMetrics&)>;

/// Runs without a value keep their place, so that a run has one colour in all figures.
Figure curve(const Comparison& comparison, const char* title, const char* label, const Value& value) {
  Figure figure{.title = title, .x_label = "epoch", .y_label = label};
  for (const RunHistory& run : comparison.runs) {
    Series series{.name = run.name};
    for (const EpochMetrics& epoch : run.epochs)
      if (const std::optional<double> y = value(epoch)) {
        series.x.push_back(double(epoch.epoch));
        series.y.push_back(*y);
      }
    figure.series.push_back(std::move(series));
  }
  return figure;
}

std::optional<double> percent(const std::optional<double>& share) {
  return share ? std::optional(100 * *share) : std::nullopt;
}

bool is_empty(const Figure& figure) {
  return std::all_of(figure.series.begin(), figure.series.end(), [](const Series& series) { return series.x.empty(); });
}

}  // namespace

std::vector<Figure> curves(const Comparison& comparison) {
  std::vector<Figure> figures = {
      curve(comparison, "Training loss", "loss", [](const EpochMetrics& m) { return std::optional(m.train_loss); }),
      curve(comparison, "Validation accuracy", "percent", [](const EpochMetrics& m) { return percent(m.val_accuracy); }),
      curve(comparison, "Test accuracy", "percent", [](const EpochMetrics& m) { return percent(m.test_accuracy); })};
  std::erase_if(figures, is_empty);
  return figures;
}

}  // namespace subbyte
