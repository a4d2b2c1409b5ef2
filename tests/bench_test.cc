// `subbyte bench`: each benchmark in a small setting, and what it refuses.
#include "program.h"

namespace subbyte {
namespace {

using nlohmann::json;

class BenchTest : public ProgramTest {
 protected:
  /// The object that a benchmark wrote; it must have succeeded and said that it checked its answer.
  json bench(Strings arguments, const std::string& text) {
    arguments.insert(arguments.begin(), "bench");
    arguments.insert(arguments.end(), {"--threads", "2", "--json", path("result.json")});
    const Outcome outcome = subbyte(arguments);
    expect_good(outcome);
    EXPECT_NE(outcome.out.find(text), std::string::npos) << outcome.out;
    if (outcome.code != 0) return {};
    const json result = json::parse(read_text(path("result.json")));
    EXPECT_EQ(result["bench"], arguments[1]);
    EXPECT_EQ(result["threads"], 2);
    EXPECT_NE(result["version"], "");
    EXPECT_NE(result["isa"], "");
    return result;
  }
};

TEST_F(BenchTest, Peak) {
  const json result = bench({"peak"}, "sums checked");
  ASSERT_GE(result["loops"].size(), 2u);
  EXPECT_EQ(result["loops"][0]["name"], "int8");
  for (const json& loop : result["loops"]) {
    EXPECT_GT(loop["gmacs"], 0);
    EXPECT_GT(loop["gmacs_one_thread"], 0);
  }
  EXPECT_EQ(result["memory"].size(), 4u);
  for (const json& memory : result["memory"]) EXPECT_GT(memory["gbytes"], 0);
}

TEST_F(BenchTest, Step) {
  const json result = bench({"step", "--steps", "1", "--batch", "2", "--profile"}, "check: equal bytes");
  for (const char* key :
       {"images_per_second", "gmacs", "peak_gmacs", "share_of_peak", "peak_rss_mib", "saved_activation_bytes"})
    EXPECT_GT(result[key], 0) << key;
  EXPECT_EQ(result["model"], "resnet20");
  EXPECT_EQ(result["format"], "w4a4g4");
  EXPECT_EQ(result["batch"], 2);
  EXPECT_EQ(result["steps"], 1);
  EXPECT_GT(result["seconds_per_step"]["median"], 0);
  EXPECT_LE(result["seconds_per_step"]["min"], result["seconds_per_step"]["median"]);
  EXPECT_NE(result["check"].get<std::string>().find("1 and 2 threads"), std::string::npos);
  // Whatever phases the layers record, they and the rest are the step.
  const json& profile = result["profile"];
  EXPECT_NEAR(profile["total"]["total"]["ms"].get<double>() + profile["in_no_phase_ms"].get<double>(),
              profile["step_ms"].get<double>(), 1e-6);
  EXPECT_EQ(profile["layers"].back()["name"], "optimizer");
  EXPECT_GT(profile["layers"].back()["phases"]["update"]["ms"], 0);
}

TEST_F(BenchTest, Products) {
  const json result = bench({"products", "--model", "resnet20", "--size", "8", "--batch", "2", "--steps", "1"},
                            "checked against plain loops");
  const json& shapes = result["models"][0]["shapes"];
  int count = 0;
  for (const json& shape : shapes) {
    count += shape["count"].get<int>();
    EXPECT_GT(shape["forward"]["share_of_peak"], 0);
    EXPECT_GT(shape["backward"]["gmacs"], 0);
    EXPECT_GT(shape["groups4_over_groups1"]["forward"], 0);
    EXPECT_TRUE(shape.contains("backward_data_phase") && shape.contains("backward_weights_phase"));
  }
  EXPECT_EQ(count, 22);  // 19 convolutions, two projections, one linear
  EXPECT_GT(shapes[1]["permute_over_groups4"]["forward"], 0);
}

TEST_F(BenchTest, Norm) {
  const json result = bench({"norm", "--batch", "2", "--steps", "1"}, "check: equal bytes");
  ASSERT_EQ(result["shapes"].size(), 4u);
  for (const json& shape : result["shapes"])
    for (const char* kind : {"l1", "l2", "l1_codes"})
      for (const char* pass : {"forward", "backward"}) EXPECT_GT(shape[kind][pass]["gbytes_per_second"], 0);
}

TEST_F(BenchTest, Quantize) {
  for (const char* format : {"w4a4g4", "w8a3g5"}) {
    const json result = bench({"quantize", "--batch", "2", "--steps", "1", "--format", format}, "check: equal bytes");
    ASSERT_EQ(result["passes"].size(), 7u);
    for (const json& pass : result["passes"]) EXPECT_GT(pass["gelements_per_second"], 0);
  }
}

TEST_F(BenchTest, WrongUsageIsOneLine) {
  expect_error(subbyte({"bench", "stp"}), 2, {"bench: found 'stp'", "did you mean 'step'?"});
  expect_error(subbyte({"bench"}), 2, {"WHAT"});
  expect_error(subbyte({"bench", "step", "--model", "resnet21"}), 2, {"unknown model 'resnet21'", "did you mean"});
  expect_error(subbyte({"bench", "products", "--model", "resnet21"}), 2, {"unknown model 'resnet21'"});
  expect_error(subbyte({"bench", "step", "--format", "w1a4g4"}), 2, {"w1a4g4"});
  expect_error(subbyte({"bench", "quantize", "--format", "fp32"}), 2, {"found format 'fp32', expected wXaYgZ"});
  expect_error(subbyte({"bench", "step", "--threads", "5000"}), 2, {"--threads: found 5000, expected", "0 to 1024"});
  expect_error(subbyte({"bench", "step", "--threads", "two"}), 2, {"--threads", "two"});
  expect_error(subbyte({"bench", "step", "--batch", "0"}), 2, {"--batch: found 0"});
  expect_error(subbyte({"bench", "step", "--size", "4"}), 2, {"4x4", "at least 8x8"});
  expect_error(subbyte({"bench", "norm", "--profile"}), 2, {"bench norm: --profile does not apply"});
  expect_error(subbyte({"bench", "products", "--model", "all", "--size", "64"}), 2, {"--size does not apply"});
}

TEST_F(BenchTest, AnUnwritableResultFails) {
  const Outcome outcome = subbyte({"bench", "quantize", "--batch", "1", "--steps", "1", "--json", path("none/result.json")});
  EXPECT_EQ(outcome.code, 1);
  expect_one_line(outcome, {"none/result.json"});
}

}  // namespace
}  // namespace subbyte
