#include "cli/report/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/report/html.h"
#include "cli/train_log.h"

namespace subbyte {
namespace {

constexpr const char* kNone = "–";

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.2f}%", 100 * *share) : std::string(kNone);
}

std::string paragraph(const std::string& text) { return "<p class=\"note\">" + html_escaped(text) + "</p>\n"; }

std::string heading(const char* text) { return fmt::format("<h2>{}</h2>\n", text); }

std::string epochs_text(const RunHistory& run) {
  const std::string text = fmt::format("{} / {}", run.epochs_done(), run.settings.train.epochs);
  return run.last_is_partial() ? text + fmt::format(" (the last one ends at step {})", run.epochs.back().step) : text;
}

std::string runs_table(const Comparison& comparison) {
  HtmlTable table{{"run", "model", "data", "format", "seed", "epochs", "training loss", "training accuracy",
                   "validation accuracy", "test accuracy", "images/s", "seconds", "peak memory, MiB"}, {}, 4};
  for (const RunHistory& run : comparison.runs) {
    const Settings& s = run.settings;
    std::vector<std::string> row = {run.name, s.model.name, s.data.name, s.format.name, fmt::format("{}", s.train.seed),
                                    epochs_text(run)};
    if (run.epochs.empty()) {
      row.resize(table.head.size(), kNone);
    } else {
      const EpochMetrics& last = run.epochs.back();
      const std::optional<double> rate = run.images_per_second();
      row.insert(row.end(), {fmt::format("{:.4f}", last.train_loss), percent(last.train_accuracy),
                             percent(last.val_accuracy), percent(last.test_accuracy),
                             rate ? fmt::format("{:.0f}", *rate) : kNone,
                             fmt::format("{:.1f} ({})", run.seconds(), duration_text(run.seconds())),
                             fmt::format("{:.1f}", run.peak_rss_mib())});
    }
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

std::string mean_text(const std::optional<Statistic>& statistic, double factor, const char* unit) {
  if (!statistic) return kNone;
  const int digits = factor == 1 ? 4 : 2;
  std::string text = fmt::format("{:.{}f}{}", factor * statistic->mean, digits, unit);
  if (statistic->deviation) text += fmt::format(" ± {:.{}f}", factor * *statistic->deviation, digits);
  return text;
}

std::string gap_cell(const RunGroup& group) {
  if (!group.gap) return group.gap_text.empty() ? kNone : fmt::format("{} ({})", kNone, group.gap_text);
  const std::string text = fmt::format("{:+.2f}", *group.gap);
  return group.gap_text.empty() ? text : fmt::format("{} ({})", text, group.gap_text);
}

std::string seeds_cell(const RunGroup& group) {
  const std::string text = fmt::format("{}", group.counted.size());
  return group.counted.size() == group.runs.size() ? text : text + fmt::format(" (of {} runs)", group.runs.size());
}

std::string groups_table(const Comparison& comparison) {
  HtmlTable table{{"format", "runs", "epoch", "seeds", "training loss", "validation accuracy", "test accuracy",
                   "points to fp32"}, {}, 2};
  for (const RunGroup& group : comparison.groups) {
    std::vector<std::string> names;
    for (size_t run : group.runs) names.push_back(comparison.runs[run].name);
    table.rows.push_back({group.format, fmt::format("{}", fmt::join(names, ", ")), fmt::format("{}", group.epoch),
                          seeds_cell(group), mean_text(group.train_loss, 1, ""),
                          mean_text(group.val_accuracy, 100, "%"), mean_text(group.test_accuracy, 100, "%"),
                          gap_cell(group)});
  }
  return html_table(table);
}

std::string differences_table(const Comparison& comparison) {
  if (comparison.differences.empty()) return paragraph("No key differs.");
  HtmlTable table{{"key"}, {}, 1 + comparison.runs.size()};
  for (const RunHistory& run : comparison.runs) table.head.push_back(run.name);
  for (const KeyDifference& difference : comparison.differences) {
    std::vector<std::string> row = {difference.key};
    row.insert(row.end(), difference.values.begin(), difference.values.end());
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

std::string figures_text(const Comparison& comparison) {
  std::string text;
  int number = 0;
  for (const Figure& figure : curves(comparison))
    text += "<figure>\n" + svg_text(figure, fmt::format("figure{}", ++number)) + "</figure>\n";
  return text.empty() ? paragraph("No run has finished an epoch.") : text;
}

}  // namespace

std::vector<std::string> notes(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const RunHistory& run : comparison.runs)
    if (run.cut_short)
      lines.push_back(fmt::format("{}/metrics.jsonl: the last line is cut short and left out", run.path));
  return lines;
}

std::string report_page(const Comparison& comparison) {
  std::string body;
  for (const std::string& note : notes(comparison)) body += paragraph(note);
  body += heading("Runs") + runs_table(comparison) +
          paragraph("Loss and accuracies are those of the last epoch, never of the best. Images a second are the median "
                    "epoch's, training alone; time is the sum over epochs of training and evaluation; memory is the "
                    "process's largest.");
  if (comparison.runs.size() > 1)
    body += heading("Over seeds") + groups_table(comparison) +
            paragraph("Runs that differ only in their seed are one row: mean ± standard deviation (of the sample, n - 1) "
                      "over the seeds that have come to the row's epoch; of runs with the same seed the first counts. "
                      "Points to fp32: test accuracy less that of fp32, in percentage points.") +
            heading("Configuration keys that differ") + differences_table(comparison);
  return html_page(comparison.title, body + heading("Curves") + figures_text(comparison));
}

}  // namespace subbyte
