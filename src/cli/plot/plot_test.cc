#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "cli/plot/figure.h"
#include "cli/plot/gnuplot.h"
#include "cli/plot/script.h"
#include "cli/plot/svg.h"

#define NEEDS_GNUPLOT() \
  if (!have_gnuplot()) GTEST_SKIP() << "no gnuplot (Debian package gnuplot-nox)"

namespace subbyte {
namespace {

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

Figure small_figure() {
  Figure figure{.title = "Loss", .x_label = "epoch", .y_label = "loss"};
  figure.series.push_back({.name = "a", .x = {1, 2, 3}, .y = {2.5, 1.5, 1}});
  figure.series.push_back({.name = "b", .x = {1, 2}, .y = {2, 1}, .error = {0.1, 0.2}});
  return figure;
}

TEST(Script, TextsCannotLeaveTheirQuotes) {
  EXPECT_EQ(gnuplot_quoted("plain"), "'plain'");
  EXPECT_EQ(gnuplot_quoted("it's"), "'it''s'");
  EXPECT_EQ(gnuplot_quoted("a\nset output 'x'"), "'a set output ''x'''");
  EXPECT_EQ(gnuplot_quoted("bad \xff byte"), "'bad \xef\xbf\xbd byte'");
  EXPECT_EQ(gnuplot_quoted("\\n `id` @x \"q\" \\"), "'\\n `id` @x \"q\" \\'");
}

TEST(Script, HoldsEveryNumberExactly) {
  Figure figure = small_figure();
  figure.series[0].y[0] = 1.0 / 3;
  figure.series[0].y[1] = NAN;
  const std::string script = gnuplot_script(figure, Terminal::svg);
  EXPECT_TRUE(contains(script, "$data0 << END\n1 0.3333333333333333 0\n2 NaN 0\n3 1 0\nEND\n")) << script;
  EXPECT_TRUE(contains(script, "$data1 << END\n1 2 0.1\n2 1 0.2\nEND\n")) << script;
}

TEST(Script, LengthsThatDiffer) {
  Figure figure = small_figure();
  figure.series[1].y.pop_back();
  EXPECT_TRUE(contains(error_of([&] { gnuplot_script(figure, Terminal::svg); }),
                       "figure 'Loss': series 'b': found 2 x, 1 y and 2 errors"));
}

TEST(Svg, IdsAreTheFiguresOwnAndTitlesGo) {
  EXPECT_EQ(embeddable_svg("<?xml?>\n<svg a='1'>\n<title>Gnuplot</title><desc>5.4</desc><g id=\"x\"><use "
                           "xlink:href='#gpPt0' id='gpPt1'/><text> id='#gp &lt;</text></g></svg>\n", "f"),
            "<svg a='1'>\n<g id=\"f-x\"><use xlink:href='#f-gpPt0' id='f-gpPt1'/><text> id='#gp &lt;</text></g></svg>\n");
  EXPECT_EQ(embeddable_svg("", "f"), "");
}

TEST(Gnuplot, MissingProgramNamesThePackage) {
  EXPECT_EQ(error_of([] { run_gnuplot("", "no-such-gnuplot"); }),
            "no-such-gnuplot: not found, and figures need it: install the Debian package gnuplot-nox");
}

TEST(Gnuplot, ItsFirstErrorIsShown) {
  NEEDS_GNUPLOT();
  const std::string message = error_of([] { run_gnuplot("set terminal svg\nplot unknown_name\n"); });
  EXPECT_TRUE(contains(message, "gnuplot: exit code 1: line ")) << message;
  EXPECT_TRUE(contains(message, "undefined variable: unknown_name")) << message;
  EXPECT_TRUE(contains(error_of([] { run_gnuplot("x = 1\n"); }), "gnuplot: no picture"));
}

TEST(Figure, SvgHoldsItsTextsEscapedAndIsTheSameEveryTime) {
  NEEDS_GNUPLOT();
  Figure figure = small_figure();
  figure.title = "a_b^2 <script> & 'q' \"d\" \\n `id` @x {/Bold x} t\xc3\xa4g";
  figure.series[0].name = "run_1 </svg>";
  const std::string svg = svg_text(figure, "loss");
  EXPECT_EQ(svg.rfind("<svg", 0), 0u);
  EXPECT_TRUE(contains(svg, "a_b^2 &lt;script> &amp; 'q' \"d\" \\n `id` @x {/Bold x} t\xc3\xa4g")) << svg;
  EXPECT_TRUE(contains(svg, "run_1 &lt;/svg>"));
  EXPECT_EQ(count(svg, "</svg>"), 1u);
  for (const char* absent : {"<script", "href=\"http", "href='http", "Gnuplot", "GNUPLOT"})
    EXPECT_FALSE(contains(svg, absent)) << absent;
  EXPECT_TRUE(contains(svg, "id='loss-gpPt"));
  EXPECT_EQ(svg, svg_text(figure, "loss"));
}

TEST(Figure, EveryKindOfSeriesIsDrawn) {
  NEEDS_GNUPLOT();
  Figure figure{.title = "bars", .x_label = "layer", .y_label = "bits", .x_names = {"conv1", "it's fc"}};
  figure.series.push_back({.name = "w", .x = {0, 1}, .y = {4, 8}, .error = {1, 1}, .style = SeriesStyle::bars});
  figure.series.push_back({.name = "a", .x = {0, 1}, .y = {3, 2}, .style = SeriesStyle::bars});
  const std::string bars = svg_text(figure);
  EXPECT_TRUE(contains(bars, "it's fc"));
  EXPECT_GE(count(bars, "<polygon"), 4u) << bars;
  figure = {.title = "logarithms", .log_x = true, .log_y = true};
  figure.series.push_back({.name = "p", .x = {1, 10, 100, 0}, .y = {1e-3, 1, 0, 5}, .style = SeriesStyle::points});
  EXPECT_TRUE(contains(svg_text(figure), "logarithms"));
}

TEST(Figure, NothingToDrawIsAnEmptyPlot) {
  NEEDS_GNUPLOT();
  for (const std::vector<double>& y : {std::vector<double>{}, {NAN}, {INFINITY}}) {
    Figure figure{.title = "empty"};
    figure.series.push_back({.name = "none", .x = y, .y = y});
    EXPECT_TRUE(contains(svg_text(figure), "empty"));
  }
  Figure one{.title = "one point"};
  one.series.push_back({.name = "p", .x = {1}, .y = {3}});
  EXPECT_TRUE(contains(svg_text(one), "one point"));
  EXPECT_TRUE(contains(svg_text(Figure{.title = "bare"}), "bare"));
}

TEST(Figure, ManySeriesKeepTheirLegend) {
  NEEDS_GNUPLOT();
  Figure figure{.title = "many"};
  for (int i = 0; i < 30; ++i)
    figure.series.push_back({.name = "series " + std::to_string(i), .x = {1, 2}, .y = {0, double(i)}});
  const std::string svg = svg_text(figure);
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(contains(svg, "<text>series " + std::to_string(i) + "</text>")) << i;
}

TEST(Figure, FilesAreCompletePictures) {
  NEEDS_GNUPLOT();
  std::string folder = (std::filesystem::temp_directory_path() / "subbyte-plot-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  write_figure(small_figure(), folder + "/| figure's");
  const std::string png = read_text(folder + "/| figure's.png"), svg = read_text(folder + "/| figure's.svg");
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(png.substr(png.size() - 8, 4), "IEND");
  EXPECT_EQ(svg, svg_text(small_figure()));
  EXPECT_TRUE(contains(error_of([&] { write_figure(small_figure(), folder + "/none/x"); }), "none/x.svg"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace subbyte
