#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/analyze/output.h"

namespace subbyte {
namespace {

/// A quotient, "-" where there is none.
std::string ratio(double a, double b) { return b > 0 ? fmt::format("{:.3g}", a / b) : "-"; }

std::string decibels(const Power& power) {
  const double value = power.decibels();
  return std::isfinite(value) ? fmt::format("{:.1f}", value) : value > 0 ? "exact" : "-";
}

std::string cosine_text(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.4f}", *value) : "-";
}

std::string histogram_text(const std::vector<double>& histogram) {
  std::string text;
  for (double count : histogram) text += fmt::format("{}{:.0f}", text.empty() ? "" : "/", count);
  return text;
}

/// Of the channels that are not 0.
std::string widest(const std::vector<double>& octaves) {
  double most = 0;
  for (double o : octaves)
    if (std::isfinite(o)) most = std::max(most, o);
  return fmt::format("{:.1f}", most);
}

std::vector<std::string> cells(const LayerStudy& l) {
  const Estimate bias = l.rounding.bias();
  const VarianceSums &c = l.by_channel, &s = l.with_samples;
  return {l.name,
          l.format,
          widest(l.octaves),
          histogram_text(l.histogram),
          fmt::format("{}/{}", l.block_groups, l.activation_block_groups),
          ratio(c.shift, c.optimal),
          ratio(c.shift, c.channel),
          ratio(c.tensor, c.channel),
          ratio(s.shift, s.optimal),
          ratio(s.shift, c.shift),
          ratio(l.with_blocks, s.shift),
          c.chain_holds && s.chain_holds ? "yes" : "NO",
          ratio(l.rounding.variance(), l.with_blocks),
          l.step > 0 ? fmt::format("{:+.1f}+-{:.1f}", 1e4 * bias.value / l.step, 1e4 * bias.error / l.step) : "-",
          decibels(l.rounding.power()),
          l.activations ? decibels(*l.activations) : "pixels",
          decibels(l.weights),
          cosine_text(l.rounding_to_rest),
          cosine_text(l.to_twin),
          cosine_text(l.mean_to_twin),
          cosine_text(l.expected_to_twin)};
}

}  // namespace

std::string study_table(const StudiedCheckpoint& checkpoint) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "format", "octaves", "channels", "blocks", "VS/Vopt", "VS/VC", "VT/VC", "VS/Vopt*", "VS*/VS", "VB/VS*", "chain", "var/VB",
       "bias 1e-4 s", "SNR g", "SNR a", "SNR w", "cos rest", "cos fp32", "mean fp32", "exp fp32"}};
  for (const LayerStudy& layer : checkpoint.study.layers) rows.push_back(cells(layer));
  std::vector<size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  std::string text = fmt::format("{}: {} epochs, {} steps; mean loss {:.4f}\n", checkpoint.file, checkpoint.progress.epoch,
                                 checkpoint.progress.step, checkpoint.study.loss);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      text += i < 2 ? fmt::format("{:<{}}  ", row[i], width[i])
                    : fmt::format("{:>{}}{}", row[i], width[i], i + 1 < row.size() ? "  " : "");
    text += "\n";
  }
  return text;
}

}  // namespace subbyte
