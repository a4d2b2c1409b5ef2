#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/report/html.h"
#include "cli/report/page.h"
#include "cli/utf8.h"

namespace subbyte {
namespace {

using Names = std::vector<std::string>;

EpochMetrics epoch(int64_t number, double test) {
  EpochMetrics metrics;
  metrics.epoch = number;
  metrics.step = 10 * number;
  metrics.train_loss = 2.0 / double(number);
  metrics.train_accuracy = 0.5;
  metrics.test_accuracy = test;
  metrics.images_per_second = 100.0 * double(number);
  metrics.seconds = 1.25;
  metrics.peak_rss_mib = 50 + double(number % 2);
  return metrics;
}

/// A run of as many epochs as there are test accuracies.
RunHistory history(const std::string& format, int64_t seed, const std::vector<double>& test) {
  RunHistory run;
  run.path = run.name = format + "-" + std::to_string(seed);
  run.settings.data.name = "mnist";
  run.settings.format.name = format;
  run.settings.train.seed = seed;
  run.settings.train.epochs = 3;
  for (double accuracy : test) run.epochs.push_back(epoch(int64_t(run.epochs.size()) + 1, accuracy));
  return run;
}

Comparison compared(std::vector<RunHistory> runs) {
  Comparison comparison{"T", std::move(runs), {}, {}};
  comparison.groups = group_runs(comparison.runs);
  comparison.differences = config_differences(comparison.runs);
  return comparison;
}

TEST(Utf8, IsValidAndPrintable) {
  EXPECT_EQ(printable_utf8("t\xc3\xa4g"), "t\xc3\xa4g");
  EXPECT_EQ(printable_utf8(std::string("a\0b\nc\x7f", 6)), "a b c ");
  EXPECT_EQ(printable_utf8("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(printable_utf8("quote\" back\\slash"), "quote\" back\\slash");
}

TEST(Html, MarkupBecomesText) {
  EXPECT_EQ(html_escaped("<a href=\"x\">&'</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
  const std::string table = html_table({{"<h>"}, {{"<c>"}}, 1});
  EXPECT_EQ(table.find("<h>"), std::string::npos);
  EXPECT_NE(table.find("<td>&lt;c&gt;</td>"), std::string::npos);
  EXPECT_NE(html_page("<t>", "").find("<title>&lt;t&gt;</title>"), std::string::npos);
}

TEST(History, NamesAreWhatDiffers) {
  EXPECT_EQ(distinct_names({"runs/a"}), Names{"a"});
  EXPECT_EQ(distinct_names({"runs/a/"}), Names{"a"});
  EXPECT_EQ(distinct_names({"runs/a", "runs/b/", "./runs/./c"}), (Names{"a", "b", "c"}));
  EXPECT_EQ(distinct_names({"/x/a/run", "/x/b/run"}), (Names{"a/run", "b/run"}));
  EXPECT_EQ(distinct_names({"/x/a", "/x/a/b"}), (Names{"a", "a/b"}));
  EXPECT_EQ(distinct_names({"/x/a/b", "/x/a"}), (Names{"a/b", "a"}));
  EXPECT_EQ(distinct_names({"/"}), Names{"/"});
}

TEST(History, SumsOverEpochs) {
  RunHistory run = history("w4a4g4", 1, {0.5, 0.9, 0.8});
  EXPECT_EQ(run.epochs_done(), 3);
  EXPECT_DOUBLE_EQ(run.seconds(), 3.75);
  EXPECT_EQ(run.peak_rss_mib(), 51);
  EXPECT_EQ(run.images_per_second(), 200);
  run.epochs.pop_back();
  EXPECT_EQ(run.images_per_second(), 150);
  EXPECT_FALSE(run.last_is_partial());
  run.epochs.back().step = 13;
  EXPECT_TRUE(run.last_is_partial());
  EXPECT_EQ(history("w4a4g4", 1, {}).epochs_done(), 0);
  EXPECT_EQ(history("w4a4g4", 1, {}).images_per_second(), std::nullopt);
}

TEST(Groups, SeedsAreOneGroupWithMeanDeviationAndGap) {
  std::vector<RunHistory> runs = {history("w4a4g4", 1, {0.1, 0.95, 0.80}), history("fp32", 1, {0.1, 0.2, 0.90}),
                                  history("w4a4g4", 2, {0.1, 0.2, 0.84}), history("fp32", 2, {0.1, 0.2, 0.92})};
  runs[2].settings.train.threads = 7;  // changes no result
  runs[2].settings.data.dir = "/elsewhere";
  const std::vector<RunGroup> groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].runs, (std::vector<size_t>{0, 2}));
  EXPECT_EQ(groups[0].test_accuracy->count, 2);
  EXPECT_DOUBLE_EQ(groups[0].test_accuracy->mean, 0.82);  // the last epoch, not the best
  EXPECT_NEAR(*groups[0].test_accuracy->deviation, 0.04 / std::sqrt(2), 1e-12);
  EXPECT_FALSE(groups[0].val_accuracy);
  EXPECT_NEAR(*groups[0].gap, -9, 1e-12);
  EXPECT_EQ(groups[0].gap_text, "");
  EXPECT_FALSE(groups[1].gap);
}

TEST(Groups, RunsThatHaveNotComeSoFarAndSecondRunsOfASeedDoNotCount) {
  const std::vector<RunHistory> runs = {history("w4a4g4", 1, {0.1, 0.2}), history("w4a4g4", 2, {0.1, 0.2, 0.5}),
                                        history("w4a4g4", 2, {0.1, 0.2, 0.6}), history("w4a4g4", 3, {})};
  const std::vector<RunGroup> groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].runs.size(), 4u);
  EXPECT_EQ(groups[0].counted, std::vector<size_t>{1});
  EXPECT_EQ(groups[0].epoch, 3);
  EXPECT_EQ(groups[0].test_accuracy->mean, 0.5);
  EXPECT_FALSE(groups[0].test_accuracy->deviation);
  EXPECT_EQ(groups[0].gap_text, "no fp32 run");
}

TEST(Groups, AGapIsOnlyTakenOfWhatCompares) {
  std::vector<RunHistory> runs = {history("w4a4g4", 1, {0.1, 0.2, 0.5}), history("fp32", 1, {0.1, 0.2})};
  EXPECT_EQ(group_runs(runs)[0].gap_text, "epoch 3, step 30 against epoch 2, step 20 of fp32");
  EXPECT_FALSE(group_runs(runs)[0].gap);

  runs[1] = history("fp32", 1, {0.1, 0.2, 0.7});
  runs[1].settings.optimizer.lr = 0.01;
  EXPECT_NEAR(*group_runs(runs)[0].gap, -20, 1e-12);
  EXPECT_EQ(group_runs(runs)[0].gap_text, "more than the format differs");

  runs.push_back(history("fp32", 1, {0.1, 0.2, 0.6}));  // of the same recipe: it is the twin
  EXPECT_NEAR(*group_runs(runs)[0].gap, -10, 1e-12);
  EXPECT_EQ(group_runs(runs)[0].gap_text, "");
  runs[2].settings.optimizer.lr = 0.02;
  EXPECT_EQ(group_runs(runs)[0].gap_text, "no fp32 run of the same recipe");

  runs = {history("w4a4g4", 1, {0.5}), history("fp32", 1, {0.6})};
  for (RunHistory& run : runs) std::swap(run.epochs[0].val_accuracy, run.epochs[0].test_accuracy);
  EXPECT_NEAR(*group_runs(runs)[0].gap, -10, 1e-12);
  EXPECT_EQ(group_runs(runs)[0].gap_text, "validation");
}

TEST(Groups, NoRunHasAnEpoch) {
  const std::vector<RunGroup> groups = group_runs({history("w4a4g4", 1, {}), history("fp32", 1, {})});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_FALSE(groups[0].train_loss);
  EXPECT_EQ(groups[0].gap_text, "no accuracy of both");
}

TEST(Differences, OnlyKeysThatDiffer) {
  std::vector<RunHistory> runs = {history("w4a4g4", 1, {}), history("fp32", 1, {}), history("fp32", 2, {})};
  runs[2].settings.schedule.milestones = {0.25};
  const std::vector<KeyDifference> found = config_differences(runs);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].key, "format.name");
  EXPECT_EQ(found[0].values, (Names{"\"w4a4g4\"", "\"fp32\"", "\"fp32\""}));
  EXPECT_EQ(found[1].key, "train.seed");
  EXPECT_EQ(found[2].key, "schedule.milestones");
  EXPECT_EQ(found[2].values, (Names{"[0.5, 0.75]", "[0.5, 0.75]", "[0.25]"}));
  EXPECT_TRUE(config_differences({runs[0]}).empty());
}

TEST(Curves, HoldWhatWasMeasured) {
  Comparison comparison = compared({history("w4a4g4", 1, {0.25, 0.5}), history("fp32", 1, {})});
  std::vector<Figure> figures = curves(comparison);
  ASSERT_EQ(figures.size(), 2u);  // nobody measured a validation part
  EXPECT_EQ(figures[0].series[0].y, (std::vector<double>{2, 1}));
  EXPECT_EQ(figures[1].series[0].x, (std::vector<double>{1, 2}));
  EXPECT_EQ(figures[1].series[0].y, (std::vector<double>{25, 50}));
  ASSERT_EQ(figures[1].series.size(), 2u);  // a run keeps its place, and so its colour
  EXPECT_TRUE(figures[1].series[1].x.empty());
  comparison.runs[0].epochs.clear();
  EXPECT_TRUE(curves(comparison).empty());
}

TEST(Page, TextsOfFilesAreEscaped) {
  Comparison comparison = compared({history("w4a4g4", 1, {0.25}), history("w4a4g4", 2, {})});
  if (!have_gnuplot()) GTEST_SKIP() << "no gnuplot (Debian package gnuplot-nox)";
  const std::string evil = "<script>alert('x')</script>";
  comparison.title = comparison.runs[0].name = comparison.runs[1].path = evil;
  comparison.runs[1].cut_short = true;
  comparison.runs[0].settings.data.name = evil;
  comparison.runs[0].settings.data.dir = evil;
  comparison.differences = config_differences(comparison.runs);
  const std::string page = report_page(comparison);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&#39;x&#39;)"), std::string::npos);
  EXPECT_NE(page.find("/metrics.jsonl: the last line is cut short"), std::string::npos);
  EXPECT_EQ(page, report_page(comparison));
}

TEST(ReportJson, HoldsTheNumbersOfTheFiles) {
  const Comparison comparison = compared({history("w4a4g4", 1, {0.1, 1.0 / 3}), history("fp32", 1, {0.1, 0.5})});
  const nlohmann::ordered_json json = report_json(comparison);
  EXPECT_EQ(json["runs"][0]["last_epoch"]["test_accuracy"], 1.0 / 3);
  EXPECT_EQ(json["runs"][0]["epoch"], 2);
  EXPECT_EQ(json["runs"][0]["epochs"], 3);
  EXPECT_EQ(json["groups"][0]["points_to_fp32"], 100 * (1.0 / 3 - 0.5));
  EXPECT_EQ(json["differences"]["format.name"][1], "\"fp32\"");
}

}  // namespace
}  // namespace subbyte
