// subbyte analyze: what it reports of a small run, over kept checkpoints, and what it refuses.
#include <cmath>

#include "cli/plot/figure.h"
#include "program.h"

namespace subbyte {
namespace {

using Analyze = ProgramTest;
using nlohmann::json;

/// JSON has no numbers that are not finite, but it has some that are read as such.
void expect_finite(const json& value, const std::string& where) {
  if (value.is_number()) {
    EXPECT_TRUE(std::isfinite(value.get<double>())) << where;
  }
  if (value.is_structured())
    for (const auto& [key, part] : value.items()) expect_finite(part, where + "/" + key);
}

void expect_chain(const json& v, const std::string& where) {
  const double slack = 1 + 1e-9;
  EXPECT_LE(v["channel"].get<double>(), v["optimal"].get<double>() * slack) << where;
  EXPECT_LE(v["optimal"].get<double>(), v["shift"].get<double>() * slack) << where;
  EXPECT_LT(v["shift"].get<double>(), v["bound"].get<double>()) << where;
  EXPECT_LE(v["shift"].get<double>(), v["tensor"].get<double>() * slack) << where;
  EXPECT_EQ(v["chain_holds"], true) << where;
  EXPECT_GE(v["shift_to_optimal"].get<double>(), 1 - 1e-9) << where;
}

TEST_F(Analyze, KeptCheckpointsThenTheLast) {
  expect_good(subbyte(train("a", {"--epochs", "3", "--set", "train.keep_every=2"})));
  EXPECT_EQ(files("a"), (std::set<std::string>{"config.toml", "epoch-002.safetensors", "last.safetensors", "log.txt",
                                               "metrics.jsonl"}));
  const std::vector<uint8_t> before = checkpoint("a");
  const Outcome outcome = subbyte({"analyze", "a", "--batches", "2", "--roundings", "4", "--json"});
  expect_good(outcome);
  EXPECT_EQ(checkpoint("a"), before);
  const json result = json::parse(outcome.out);
  expect_finite(result, "");
  EXPECT_EQ(result["format"], "w4a4g4");
  EXPECT_EQ(result["batch"], 20);
  ASSERT_EQ(result["checkpoints"].size(), 2u);
  EXPECT_EQ(result["checkpoints"][0]["checkpoint"], "epoch-002");
  EXPECT_EQ(result["checkpoints"][0]["epoch"], 2);
  EXPECT_EQ(result["checkpoints"][1]["checkpoint"], "last");
  EXPECT_EQ(result["checkpoints"][1]["step"], 30);
  for (const json& found : result["checkpoints"]) {
    ASSERT_EQ(found["layers"].size(), 3u);
    for (const json& layer : found["layers"]) {
      const std::string name = layer["name"];
      const json& g = layer["gradient"];
      const bool last = name == "fc";
      EXPECT_EQ(layer["format"], last || name == "fc1" ? "w8a8g8" : "w4a4g4");
      EXPECT_EQ(g["octaves"].size(), g["channels"]) << name;
      EXPECT_EQ(g["group"].size(), g["channels"]) << name;
      double channels = 0, images = 0;
      for (const json& count : g["channels_by_group"]) channels += count.get<double>();
      for (const json& count : g["samples_by_group"]) images += count.get<double>();
      EXPECT_NEAR(channels, g["channels"].get<double>(), 1e-9) << name;
      EXPECT_NEAR(images, 20, 1e-9) << name;
      expect_chain(g["by_channel"], name + " by channel");
      expect_chain(g["with_samples"], name + " with samples");
      const double with_samples = g["with_samples"]["shift"], with_blocks = g["with_blocks"];
      EXPECT_LE(with_blocks, with_samples * (1 + 1e-9)) << name;
      EXPECT_GE(with_blocks, with_samples * std::pow(4, 1 - g["block_groups"].get<int>()) * (1 - 1e-9)) << name;
      EXPECT_EQ(g["block_groups"], name == "fc2" ? 4 : 1) << name;
      EXPECT_EQ(layer["activation_block_groups"], name == "fc2" ? 4 : 1) << name;
      EXPECT_GT(g["variance"], 0) << name;
      EXPECT_LE(g["variance_to_bound"], 1.05) << name;  // an estimate from few roundings
      EXPECT_LT(std::abs(g["bias_in_steps"]["value"].get<double>()), 0.05) << name;
      EXPECT_GT(g["snr_db"], 0) << name;
      EXPECT_EQ(layer["activation_snr_db"].is_null(), name == "fc1");
      EXPECT_GT(layer["weight_snr_db"], 5) << name;
      const json& w = layer["weight_gradient"];
      EXPECT_GT(w["cosine_to_other_roundings"], 0.1) << name;
      EXPECT_EQ(w["cosine_to_fp32"].is_null(), !result["fp32_missing"].is_null());
      if (!w["cosine_to_fp32"].is_null()) {
        EXPECT_GT(w["mean_cosine_to_fp32"], w["cosine_to_fp32"].get<double>() - 1e-6) << name;
        EXPECT_LE(w["mean_cosine_to_fp32"], 1 + 1e-6) << name;
      }
    }
  }
  // The same bytes again.
  EXPECT_EQ(subbyte({"analyze", "a", "--batches", "2", "--roundings", "4", "--json"}).out, outcome.out);

  const Outcome table = subbyte({"analyze", "a/last.safetensors", "--data-dir", path("data"), "--batches", "1"});
  expect_good(table);
  for (const char* text : {"mlp w4a4g4: 1 batches of 20 images, 8 roundings", "VS/Vopt", "VB/VS*", "last: 3 epochs, 30 steps", "fc2"})
    EXPECT_NE(table.out.find(text), std::string::npos) << text << "\nin " << table.out;
  EXPECT_EQ(table.out.find("epoch-002"), std::string::npos);
}

TEST_F(Analyze, KeepingChangesNothingAndForceRemovesTheOld) {
  expect_good(subbyte(train("a", {"--set", "train.keep_every=1"})));
  expect_good(subbyte(train("b")));
  EXPECT_EQ(checkpoint("a"), checkpoint("b"));
  EXPECT_EQ(read_file(path("a/epoch-002.safetensors")), checkpoint("a"));
  expect_good(subbyte(train("a", {"--force"})));
  EXPECT_FALSE(files("a").count("epoch-001.safetensors"));
}

TEST_F(Analyze, Figures) {
  if (!have_gnuplot()) GTEST_SKIP() << "no gnuplot";
  expect_good(subbyte(train("a", {"--set", "train.keep_every=1"})));
  const Outcome outcome = subbyte({"analyze", "a", "--batches", "1", "--roundings", "2", "--plot", path("figures")});
  expect_good(outcome);
  std::set<std::string> expected;
  for (const char* name : {"ranges-fc", "ranges-fc1", "ranges-fc2", "ratios", "ratios-epoch-001", "ratios-last"})
    for (const char* suffix : {".png", ".svg"}) expected.insert(std::string(name) + suffix);
  EXPECT_EQ(files("figures"), expected);
}

TEST_F(Analyze, BadInput) {
  expect_error(subbyte({"analyze", "none"}), 1, {"none: not found, expected a run folder or a .safetensors file"});
  make_folder(path("empty"));
  expect_error(subbyte({"analyze", "empty"}), 1, {"empty/config.toml"});
  expect_error(subbyte({"analyze"}), 2, {"RUN is required"});
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  expect_error(subbyte({"analyze", "a", "--batches", "11"}), 2, {"--batches: found 11, expected at most 10"});
  expect_error(subbyte({"analyze", "a", "--roundings", "1"}), 2, {"--roundings"});
  expect_error(subbyte({"analyze", "a", "--data-dir", "elsewhere"}), 1, {"elsewhere"});
#ifdef SUBBYTE_WITH_FLOAT
  expect_good(subbyte(train("f", {"--epochs", "1", "--format", "fp32"})));
  expect_error(subbyte({"analyze", "f"}), 1,
               {"f: trained in fp32, so nothing in it is quantized; expected a run in an integer format"});
#endif
}

}  // namespace
}  // namespace subbyte
