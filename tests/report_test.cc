// Pages of runs that the program has trained.
#include <fmt/format.h>

#include "cli/plot/figure.h"
#include "program.h"

#define NEEDS_GNUPLOT() \
  if (!have_gnuplot()) GTEST_SKIP() << "no gnuplot (Debian package gnuplot-nox)"

namespace subbyte {
namespace {

using nlohmann::json;

class Report : public ProgramTest {
 protected:
  std::string page(const std::string& name = "report.html") const { return read_text(path(name)); }

  static void expect_texts(const std::string& page, const Strings& texts) {
    for (const std::string& text : texts) EXPECT_NE(page.find(text), std::string::npos) << text;
  }

  static std::string cell(const std::string& text) { return "<td class=\"number\">" + text + "</td>"; }
  static std::string percent(const json& share) { return cell(fmt::format("{:.2f}%", 100 * share.get<double>())); }
};

TEST_F(Report, NumbersAreThoseOfTheMetrics) {
  NEEDS_GNUPLOT();
  expect_good(subbyte(train("runs/a", {"--epochs", "3", "--val", "20"})));
  expect_good(subbyte(train("runs/b", {"--epochs", "3", "--val", "20", "--seed", "2"})));
  expect_good(subbyte(train("runs/c", {"--epochs", "3", "--val", "20", "--format", "w8a8g8", "--stop-after", "1"})));
  std::filesystem::remove(path("runs/a/last.safetensors"));
  const Outcome outcome = subbyte({"report", "runs/a", "runs/b/", path("runs/c"), "-o", "report.html", "--json"});
  expect_good(outcome);

  const std::string html = page();
  double mean = 0, seconds = 0;
  for (const char* run : {"a", "b", "c"}) {
    const std::vector<json> lines = metrics(std::string("runs/") + run);
    const json& last = lines.back();
    expect_texts(html, {cell(fmt::format("{:.4f}", last["train_loss"].get<double>())), percent(last["train_accuracy"]),
                        percent(last["val_accuracy"]), percent(last["test_accuracy"]),
                        cell(fmt::format("{} / 3", lines.size())), fmt::format("<tr><td>{}</td><td>mlp</td>", run)});
    if (run[0] != 'c') mean += last["test_accuracy"].get<double>() / 2;
    if (run[0] == 'a')
      for (const json& line : lines) seconds += line["seconds"].get<double>();
  }
  expect_texts(html, {fmt::format("{:.2f}% ±", 100 * mean), fmt::format("{:.1f} (0:", seconds), "<td>a, b</td>",
                      "<tr><td>train.seed</td><td>1</td><td>2</td><td>1</td></tr>", "format.name", "train.stop_after",
                      "Training loss", "Validation accuracy", "Test accuracy", "no fp32 run"});
  EXPECT_EQ(html.find("optimizer.lr"), std::string::npos);
  for (const char* absent : {"<script", "src=", "@import", "href=\"http", "href='http"})
    EXPECT_EQ(html.find(absent), std::string::npos) << absent;
  EXPECT_EQ(files(".").count("report.html.partial"), 0u);

  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["report"], "report.html");
  EXPECT_EQ(result["runs"][0]["last_epoch"], metrics("runs/a")[2]);
  EXPECT_EQ(result["runs"][2]["epoch"], 1);
  EXPECT_EQ(result["groups"][0]["test_accuracy"]["mean"], mean);
  EXPECT_EQ(result["groups"][0]["runs"], json({"a", "b"}));

  const Outcome plain = subbyte({"report", "runs/a", "runs/b", "runs/c", "--out", "again.html"});
  expect_good(plain);
  EXPECT_EQ(plain.out, "again.html: comparison of 3 runs\n");
  EXPECT_EQ(page("again.html"), html);
}

#ifdef SUBBYTE_WITH_FLOAT
TEST_F(Report, TheGapIsToTheTwin) {
  NEEDS_GNUPLOT();
  expect_good(subbyte(train("a")));
  expect_good(subbyte(train("twin", {"--format", "fp32"})));
  const Outcome outcome = subbyte({"report", "a", "twin", "-o", "report.html", "--json"});
  expect_good(outcome);
  const auto accuracy = [this](const char* run) { return metrics(run)[1]["test_accuracy"].get<double>(); };
  const double gap = 100 * (accuracy("a") - accuracy("twin"));
  EXPECT_EQ(json::parse(outcome.out)["groups"][0]["points_to_fp32"], gap);
  expect_texts(page(), {cell(fmt::format("{:+.2f}", gap))});
}
#endif

TEST_F(Report, RunsUnderWay) {
  NEEDS_GNUPLOT();
  expect_good(subbyte(train("a")));
  const std::string text = read_text(path("a/metrics.jsonl"));
  write_file(path("a/metrics.jsonl"), text.substr(0, text.size() - 30));
  make_folder(path("started"));
  write_file(path("started/config.toml"), read_text(path("a/config.toml")));
  const Outcome outcome = subbyte({"report", "a", "started", "-o", "report.html"});
  expect_good(outcome);
  EXPECT_EQ(outcome.out, "a/metrics.jsonl: the last line is cut short and left out\nreport.html: comparison of 2 runs\n");
  expect_texts(page(), {"a/metrics.jsonl: the last line is cut short", cell("1 / 2"), cell("0 / 2")});
  EXPECT_EQ(page().find("2 / 2"), std::string::npos);

  expect_good(subbyte({"report", "started", "-o", "one.html", "--title", "<Mine>"}));
  expect_texts(page("one.html"), {"<h1>&lt;Mine&gt;</h1>", "No run has finished an epoch."});
}

TEST_F(Report, BadInput) {
  expect_good(subbyte(train("a")));
  const std::string good_metrics = read_text(path("a/metrics.jsonl")), good_config = read_text(path("a/config.toml"));
  const auto expect_bad = [this](const Strings& runs, int code, const Strings& texts) {
    Strings arguments = {"report", "-o", "report.html"};
    arguments.insert(arguments.end(), runs.begin(), runs.end());
    expect_error(subbyte(arguments), code, texts);
    EXPECT_FALSE(std::filesystem::exists(path("report.html")));
  };
  expect_bad({}, 2, {"RUN is required"});
  expect_error(subbyte({"report", "a"}), 2, {"--out is required"});
  expect_bad({"a", "none"}, 1, {"none: not found, expected a run folder"});
  expect_bad({"a/config.toml"}, 1, {"a/config.toml: found a file, expected a run folder"});
  expect_bad({"data"}, 1, {"data/config.toml", "No such file or directory"});
  expect_bad({"a", "./a/"}, 2, {"./a/: is the same run as a, expected every run once"});

  write_file(path("a/metrics.jsonl"), good_metrics.substr(0, 20) + "\n" + good_metrics);
  expect_bad({"a"}, 1, {"a/metrics.jsonl:1: damaged: found '{\"epoch\":1", "expected a JSON object"});
  write_file(path("a/metrics.jsonl"), good_metrics + good_metrics);
  expect_bad({"a"}, 1, {"a/metrics.jsonl:3: epoch: found 1, expected a whole number, 3 or more"});
  write_file(path("a/metrics.jsonl"), good_metrics);

  write_file(path("a/config.toml"), "[train]\nepoch = 3\n");
  expect_bad({"a"}, 2, {"a/config.toml:2: unknown key 'train.epoch' (did you mean 'train.epochs'?)"});
  write_file(path("a/config.toml"), "[model]\nname = \"resnet21\"\n");
  expect_bad({"a"}, 2, {"a/config.toml: model.name: found 'resnet21'"});
  write_file(path("a/config.toml"), good_config);
}

TEST_F(Report, OutputThatCannotBeWritten) {
  NEEDS_GNUPLOT();
  expect_good(subbyte(train("a")));
  expect_error(subbyte({"report", "a", "-o", "none/report.html"}), 1, {"none/report.html", "No such file or directory"});
  expect_error(subbyte({"report", "a", "-o", "data"}), 1, {"data: cannot replace: Is a directory"});
  expect_error(subbyte({"report", "a", "-o", "report.html"}, 2000), 1, {"File too large"});
  EXPECT_EQ(files("."), (std::set<std::string>{"a", "data", "stdout", "stderr"}));
}

TEST_F(Report, MissingGnuplotNamesThePackage) {
  expect_good(subbyte(train("a")));
  const std::string before = getenv("PATH");
  setenv("PATH", root_.c_str(), 1);
  const Outcome outcome = subbyte({"report", "a", "-o", "report.html"});
  setenv("PATH", before.c_str(), 1);
  expect_error(outcome, 1, {"gnuplot: not found", "install the Debian package gnuplot-nox"});
  EXPECT_FALSE(std::filesystem::exists(path("report.html")));
}

}  // namespace
}  // namespace subbyte
