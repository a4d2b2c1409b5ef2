#include "cli/plot/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

constexpr int kLegendLine = 18;  // pixels
constexpr double kBarShare = 0.8;  // of the distance between two bars of a series

/// Colours that stay apart for colour-blind readers too (Okabe and Ito); the next eight series are dashed.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#56b4e9", "#e69f00", "#000000", "#8b6508"};
constexpr size_t kColourCount = std::size(kColours);

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "NaN"; }

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool empty() const { return low > high; }
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
};

bool drawable(double value, bool log) { return std::isfinite(value) && (!log || value > 0); }

struct Ranges {
  Range x, bars;  ///< of the points that can be drawn; values of bars
};

Ranges ranges_of(const Figure& figure) {
  Ranges ranges;
  for (const Series& series : figure.series)
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!drawable(series.x[i], figure.log_x) || !drawable(series.y[i], figure.log_y)) continue;
      ranges.x.add(series.x[i]);
      if (series.style == SeriesStyle::bars) ranges.bars.add(series.y[i]);
    }
  return ranges;
}

void require_equal_lengths(const Figure& figure) {
  for (const Series& s : figure.series)
    if (s.x.size() != s.y.size() || (!s.error.empty() && s.error.size() != s.y.size()))
      throw Error(fmt::format("figure '{}': series '{}': found {} x, {} y and {} errors, expected as many of each",
                              figure.title, s.name, s.x.size(), s.y.size(), s.error.size()));
}

/// The smallest distance between two bars of one series, or 1.
double bar_distance(const Figure& figure) {
  double distance = std::numeric_limits<double>::infinity();
  for (const Series& series : figure.series) {
    if (series.style != SeriesStyle::bars) continue;
    std::vector<double> sorted = series.x;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i] > sorted[i - 1]) distance = std::min(distance, sorted[i] - sorted[i - 1]);
  }
  return std::isfinite(distance) ? distance : 1;
}

std::string terminal_text(const Figure& figure, Terminal terminal) {
  const auto named = [](const Series& series) { return !series.name.empty() && !series.x.empty(); };
  const auto lines = std::count_if(figure.series.begin(), figure.series.end(), named);
  return fmt::format("set encoding utf8\nset terminal {} noenhanced size {},{} font 'sans,{}' background '#ffffff'\n",
                     terminal == Terminal::svg ? "svg" : "pngcairo", figure.width, figure.height + lines * kLegendLine,
                     terminal == Terminal::svg ? 13 : 10);
}

std::string axes_text(const Figure& figure) {
  std::string text = fmt::format("set title {}\nset xlabel {}\nset ylabel {}\n", gnuplot_quoted(figure.title),
                                 gnuplot_quoted(figure.x_label), gnuplot_quoted(figure.y_label));
  text += "set border 3 back\nset tics nomirror\nset grid back linecolor '#dddddd' linetype 1\n"
          "set key below left Left reverse vertical maxcols 1\nset style fill solid 0.8 noborder\n";
  if (figure.log_x) text += "set logscale x\n";
  if (figure.log_y) text += "set logscale y\n";
  const auto [range, bars] = ranges_of(figure);
  if (range.empty()) return text + "set xrange [1:10]\nset yrange [1:10]\n";
  if (!bars.empty() && !figure.log_y && bars.low * bars.high >= 0)  // bars start at zero
    text += bars.high > 0 ? "set yrange [0:*]\n" : bars.low < 0 ? "set yrange [*:0]\n" : "";
  if (!figure.x_names.empty()) {
    text += fmt::format("set xrange [-0.6:{}]\nset xtics rotate by 45 right (", double(figure.x_names.size()) - 0.4);
    for (size_t i = 0; i < figure.x_names.size(); ++i)
      text += fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_quoted(figure.x_names[i]), i);
    text += ")\n";
  } else if (!figure.log_x && range.low == range.high) {
    text += fmt::format("set xrange [{}:{}]\nset xtics ({})\n", range.low - 1, range.low + 1, range.low);
  } else if (!figure.log_x && range.low == std::floor(range.low) && range.high == std::floor(range.high) &&
             range.high - range.low <= 10) {
    text += "set xtics 1\n";  // epochs: no tics between whole numbers
  }
  return text;
}

std::string data_text(const Series& series, size_t index, double shift) {
  std::string text = fmt::format("$data{} << END\n", index);
  for (size_t i = 0; i < series.x.size(); ++i)
    text += fmt::format("{} {} {}\n", number(series.x[i] + shift), number(series.y[i]),
                        series.error.empty() ? "0" : number(series.error[i]));
  return text + "END\n";
}

std::string plot_text(const Series& series, size_t index, double bar_width) {
  const std::string source = fmt::format("$data{} using 1:2", index);
  const std::string name = series.name.empty() ? "notitle" : "title " + gnuplot_quoted(series.name);
  const char* colour = kColours[index % kColourCount];
  const size_t variant = index / kColourCount;
  std::string text;
  switch (series.style) {
    case SeriesStyle::lines:
      text = fmt::format("{} with linespoints linecolor '{}' linewidth 1.8 dashtype {} pointtype {} pointsize 0.4 {}",
                         source, colour, variant % 5 + 1, 7, name);
      break;
    case SeriesStyle::points:
      text = fmt::format("{} with points linecolor '{}' pointtype {} pointsize 0.6 {}", source, colour,
                         5 + 2 * (variant % 5), name);
      break;
    case SeriesStyle::bars:
      text = fmt::format("{}:({}) with boxes linecolor '{}' {}", source, bar_width, colour, name);
      break;
  }
  if (!series.error.empty())
    text += fmt::format(", $data{} using 1:($2-$3):(0):(2*$3) with vectors heads size screen 0.005,90 linecolor '{}' notitle",
                        index, series.style == SeriesStyle::bars ? "#333333" : colour);
  return text;
}

}  // namespace

std::string gnuplot_quoted(const std::string& text) {
  std::string out = "'";
  for (char c : printable_utf8(text)) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

std::string gnuplot_script(const Figure& figure, Terminal terminal) {
  require_equal_lengths(figure);
  const auto is_bars = [](const Series& series) { return series.style == SeriesStyle::bars; };
  const auto bar_count = std::count_if(figure.series.begin(), figure.series.end(), is_bars);
  const double bar_width = kBarShare * bar_distance(figure) / double(std::max<long>(bar_count, 1));
  std::string data, plots;
  long bar = 0;
  for (size_t i = 0; i < figure.series.size(); ++i) {
    const Series& series = figure.series[i];
    const double shift = is_bars(series) ? (double(bar++) - double(bar_count - 1) / 2) * bar_width : 0;
    data += data_text(series, i, shift);
    plots += (plots.empty() ? "" : ", ") + plot_text(series, i, bar_width);
  }
  if (ranges_of(figure).x.empty()) plots = "NaN notitle";  // gnuplot refuses to draw nothing
  return terminal_text(figure, terminal) + axes_text(figure) + data + "plot " + plots + "\n";
}

}  // namespace subbyte
