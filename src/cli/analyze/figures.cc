#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/files.h"
#include "cli/analyze/output.h"
#include "cli/plot/figure.h"

namespace subbyte {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr double kBin = 0.5;   // octaves
constexpr int kMostBins = 32;  // the last one holds the rest

/// Channels by octaves below the tensor's range; those of zeros are in none.
Series range_histogram(const LayerStudy& layer, const std::string& name, int bins) {
  Series bars{.name = name, .style = SeriesStyle::bars};
  for (int i = 0; i < bins; ++i) {
    bars.x.push_back((i + 0.5) * kBin);
    bars.y.push_back(0);
  }
  for (double o : layer.octaves)
    if (std::isfinite(o)) ++bars.y[std::min(size_t(o / kBin), bars.y.size() - 1)];
  return bars;
}

int bins_of(const LayerStudy& layer) {
  int bins = int(std::ceil(layer.groups / kBin));  // so that all borders are seen
  for (double o : layer.octaves)
    if (std::isfinite(o)) bins = std::max(bins, int(o / kBin) + 1);
  return std::min(bins, kMostBins);
}

/// The first checkpoint's channels beside the last one's.
Figure range_figure(const StudiedCheckpoint& first, const StudiedCheckpoint& last, size_t layer) {
  const LayerStudy &a = first.study.layers[layer], &b = last.study.layers[layer];
  const std::string what = fmt::format("ranges of the output gradient's {} channels, {} groups", b.channels, b.groups);
  Figure figure{.title = b.name + ": " + what,
                .x_label = "octaves below the tensor's range", .y_label = "channels"};
  const int bins = std::max(bins_of(a), bins_of(b));
  if (&first != &last) figure.series.push_back(range_histogram(a, first.file, bins));
  figure.series.push_back(range_histogram(b, last.file, bins));
  double top = 1;
  for (const Series& series : figure.series) top = std::max(top, *std::max_element(series.y.begin(), series.y.end()));
  Series borders{.name = "borders of the groups"};
  for (int g = 1; g < b.groups; ++g)
    for (double y : {0.0, top, kGap}) {
      borders.x.push_back(g);
      borders.y.push_back(y);
    }
  figure.series.push_back(borders);
  return figure;
}

struct Ratio {
  const char* name;
  double (*of)(const LayerStudy&);
};
double quotient(double a, double b) { return b > 0 ? a / b : kGap; }
constexpr Ratio kRatios[] = {
    {"V_S / V_opt (ShiftQuant to the best groups)",
     [](const LayerStudy& l) { return quotient(l.by_channel.shift, l.by_channel.optimal); }},
    {"V_S / V_C (to real scales for every channel)",
     [](const LayerStudy& l) { return quotient(l.by_channel.shift, l.by_channel.channel); }},
    {"V_T / V_C (one scale for the tensor)",
     [](const LayerStudy& l) { return quotient(l.by_channel.tensor, l.by_channel.channel); }},
    {"V_S / V_opt with shifts over samples",
     [](const LayerStudy& l) { return quotient(l.with_samples.shift, l.with_samples.optimal); }},
    {"V_B / V_S, what shifts over blocks leave of it (both with samples)",
     [](const LayerStudy& l) { return quotient(l.with_blocks, l.with_samples.shift); }},
};

Figure ratio_figure(const StudiedCheckpoint& checkpoint) {
  Figure figure{.title = fmt::format("Variance ratios of output gradients, {}", checkpoint.file), .y_label = "ratio",
                .log_y = true, .height = 460};
  for (const LayerStudy& layer : checkpoint.study.layers) figure.x_names.push_back(layer.name);
  for (const Ratio& ratio : kRatios) {
    Series series{.name = ratio.name};
    for (size_t i = 0; i < checkpoint.study.layers.size(); ++i) {
      series.x.push_back(double(i));
      series.y.push_back(ratio.of(checkpoint.study.layers[i]));
    }
    figure.series.push_back(series);
  }
  return figure;
}

/// Geometric means over the layers.
Figure course_figure(const std::vector<StudiedCheckpoint>& checkpoints) {
  Figure figure{.title = "Variance ratios during training, geometric mean of the layers", .x_label = "steps",
                .y_label = "ratio", .log_y = true};
  for (const Ratio& ratio : kRatios) {
    Series series{.name = ratio.name};
    for (const StudiedCheckpoint& c : checkpoints) {
      double sum = 0;
      int count = 0;
      for (const LayerStudy& layer : c.study.layers)
        if (const double value = ratio.of(layer); value > 0) sum += std::log(value), ++count;
      series.x.push_back(double(c.progress.step));
      series.y.push_back(count > 0 ? std::exp(sum / count) : kGap);
    }
    figure.series.push_back(series);
  }
  return figure;
}

}  // namespace

std::vector<std::string> write_study_figures(const std::vector<StudiedCheckpoint>& checkpoints, const std::string& folder) {
  make_folder(folder);
  std::vector<std::string> names;
  const auto write = [&](const Figure& figure, const std::string& name) {
    write_figure(figure, folder + "/" + name);
    names.push_back(name);
  };
  const StudiedCheckpoint &first = checkpoints.front(), &last = checkpoints.back();
  for (size_t i = 0; i < last.study.layers.size(); ++i)
    write(range_figure(first, last, i), "ranges-" + last.study.layers[i].name);
  for (const StudiedCheckpoint& checkpoint : checkpoints) write(ratio_figure(checkpoint), "ratios-" + checkpoint.file);
  if (checkpoints.size() > 1) write(course_figure(checkpoints), "ratios");
  return names;
}

}  // namespace subbyte
