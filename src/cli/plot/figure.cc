#include "cli/plot/figure.h"

#include "base/files.h"
#include "cli/plot/gnuplot.h"
#include "cli/plot/script.h"
#include "cli/plot/svg.h"

namespace subbyte {

std::string svg_text(const Figure& figure, const std::string& id) {
  return embeddable_svg(run_gnuplot(gnuplot_script(figure, Terminal::svg)), id);
}

std::string png_bytes(const Figure& figure) { return run_gnuplot(gnuplot_script(figure, Terminal::png)); }

void write_figure(const Figure& figure, const std::string& path_without_suffix) {
  const std::string svg = svg_text(figure), png = png_bytes(figure);
  write_file(path_without_suffix + ".svg", svg);
  write_file(path_without_suffix + ".png", png);
}

}  // namespace subbyte
