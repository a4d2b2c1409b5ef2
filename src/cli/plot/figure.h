// Figures, drawn by gnuplot (Debian package gnuplot-nox). A figure is data; it says nothing about how it is drawn.
#pragma once
#include <string>
#include <vector>

namespace subbyte {

enum class SeriesStyle { lines, points, bars };

/// y over x, in the order given; a value that is not finite (or not positive on a logarithmic axis) is a gap.
struct Series {
  std::string name = {};  ///< in the legend; no entry if it is empty or there is no point
  std::vector<double> x = {}, y = {};
  std::vector<double> error = {};  ///< half the height of each point's error bar; empty: none
  SeriesStyle style = SeriesStyle::lines;
};

/// All texts are plain UTF-8: no markup is interpreted, line ends become blanks.
struct Figure {
  std::string title = {}, x_label = {}, y_label = {};
  bool log_x = false, log_y = false;
  std::vector<std::string> x_names = {};  ///< names written at x = 0, 1, 2, ... instead of numbers
  std::vector<Series> series = {};        ///< bars of several series stand side by side
  int width = 720, height = 400;          ///< pixels; the legend's lines are added to the height
};

/// Whether there is a gnuplot on the PATH.
bool have_gnuplot();

/// An <svg> element that stands alone (a file) or inside an HTML page: no script, no link, the same bytes for the same
/// figure. `id` begins every id in it: give each figure of a page its own, of letters and digits.
/// Throws Error where gnuplot is missing or fails, and where a series' vectors have different lengths.
std::string svg_text(const Figure& figure, const std::string& id = "figure");

/// A PNG file's bytes. Throws as svg_text does.
std::string png_bytes(const Figure& figure);

/// Writes PATH.svg and PATH.png, each complete or not at all. Throws Error.
void write_figure(const Figure& figure, const std::string& path_without_suffix);

}  // namespace subbyte
