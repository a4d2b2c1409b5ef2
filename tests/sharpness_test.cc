// subbyte sharpness: what it reports of a small run, and what it refuses.
#include <cmath>

#include "base/safetensors.h"
#include "cli/plot/figure.h"
#include "program.h"

namespace subbyte {
namespace {

using Sharpness = ProgramTest;
using nlohmann::json;

#ifndef SUBBYTE_WITH_FLOAT

TEST_F(Sharpness, NeedsTheTwin) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  expect_error(subbyte({"sharpness", "a"}), 1, {"format fp32 needs a build with oneDNN"});
}

#else

/// What must hold between the numbers of the curves.
void expect_landscape(const json& found, size_t directions, double range) {
  const json& landscape = found["landscape"];
  const json& x = landscape["x"];
  ASSERT_EQ(x.size(), 21u);
  EXPECT_EQ(x[0], -range);
  EXPECT_EQ(x[10], 0);
  EXPECT_EQ(x[20], range);
  ASSERT_EQ(landscape["mean"].size(), 21u);
  ASSERT_EQ(landscape["directions"].size(), directions);
  double mean = 0, curvature = 0;
  for (const json& direction : landscape["directions"]) {
    const json& loss = direction["loss"];
    ASSERT_EQ(loss.size(), 21u);
    EXPECT_EQ(loss[10], found["loss"]);
    // One end may lie lower than a run of a few steps; both together do not.
    EXPECT_GT(loss[0].get<double>() + loss[20].get<double>(), 2 * found["loss"].get<double>());
    mean += loss[3].get<double>() / double(directions);
    const double h = range / 10, bend = loss[9].get<double>() + loss[11].get<double>() - 2 * loss[10].get<double>();
    EXPECT_NEAR(direction["curvature"], bend / (h * h), 1e-9);
    curvature += direction["curvature"].get<double>() / double(directions);
  }
  EXPECT_NEAR(landscape["mean"][3], mean, 1e-9);
  EXPECT_NEAR(landscape["curvature"]["mean"], curvature, 1e-9);
  EXPECT_EQ(landscape["curvature"]["deviation"].is_null(), directions == 1);
  EXPECT_EQ(landscape["deviation"][3].is_null(), directions == 1);
  if (directions > 1) {
    EXPECT_GT(landscape["deviation"][3], 0);
    EXPECT_EQ(landscape["deviation"][10], 0);
  }
}

TEST_F(Sharpness, OfSmallRuns) {
  for (const char* norm : {"l1", "l2"}) {
    expect_good(subbyte(train(norm, {"--norm", norm, "--val", "40", "--set", "data.flip=true"})));
    const std::vector<uint8_t> before = checkpoint(norm);
    const Strings command = {"sharpness", norm, "--batches", "3", "--iterations", "60", "--json"};
    const Outcome outcome = subbyte(command);
    expect_good(outcome);
    EXPECT_EQ(checkpoint(norm), before);
    EXPECT_EQ(subbyte(command).out, outcome.out);  // the same bytes again
    const json found = json::parse(outcome.out);
    EXPECT_EQ(found["run"], norm);
    EXPECT_EQ(found["model"], "mlp");
    EXPECT_EQ(found["format"], "w4a4g4");
    EXPECT_EQ(found["norm"], norm);
    EXPECT_EQ(found["epoch"], 2);
    EXPECT_EQ(found["batch"], 20);
    EXPECT_EQ(found["batches"], 3);
    EXPECT_EQ(found["records"], 60);
    EXPECT_EQ(found["records_of"], 160);
    EXPECT_EQ(found["seed"], 1);
    EXPECT_EQ(found["tolerance"], 0.01);
    EXPECT_EQ(found["relative_step"], 0.002);
    EXPECT_TRUE(found["figures"].empty());
    for (const char* name : {"loss", "accuracy", "gradient_length", "parameter_length"}) EXPECT_GT(found[name], 0) << name;
    const json& hessian = found["hessian"];
    EXPECT_EQ(hessian["converged"], true) << hessian;
    EXPECT_GT(hessian["top_eigenvalue"], 0);
    EXPECT_LT(hessian["change"], 0.01);
    EXPECT_LT(hessian["residual"], hessian["top_eigenvalue"]);
    expect_landscape(found, 3, 1);

    // Half the step, another start: about the same Hessian, but for the kinks that so small a network crosses. Other
    // records would have another, so the batch is all of them.
    const auto top = [&](const char* seed, const char* step) {
      const Outcome other = subbyte({"sharpness", norm, "--batch", "160", "--batches", "1", "--iterations", "200", "--seed",
                                     seed, "--step", step, "--directions", "1", "--range", "0.5", "--json"});
      expect_good(other);
      expect_landscape(json::parse(other.out), 1, 0.5);
      return json::parse(other.out)["hessian"]["top_eigenvalue"].get<double>();
    };
    const double value = top("1", "2e-3");
    EXPECT_NEAR(top("1", "1e-3") / value, 1, 0.25) << norm;
    EXPECT_NEAR(top("2", "2e-3") / value, 1, 0.25) << norm;
  }
}

TEST_F(Sharpness, TellsWhatItDoes) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  const Outcome outcome = subbyte({"sharpness", "a/last.safetensors", "--data-dir", path("data"), "--iterations", "2"});
  expect_good(outcome);
  for (const char* text : {"mlp w4a4g4, norm l1, 1 epochs: its parameters in FP32, 4 batches of 20 of the 200 training rec",
                           "iteration 2: ", "direction 3: curvature ", "top eigenvalue ", "mean loss", "curvature at 0: "})
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\nin " << outcome.out;
}

TEST_F(Sharpness, Figure) {
  if (!have_gnuplot()) GTEST_SKIP() << "no gnuplot";
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  expect_good(subbyte({"sharpness", "a", "--batches", "1", "--iterations", "1", "--plot", path("figures")}));
  EXPECT_EQ(files("figures"), (std::set<std::string>{"landscape.png", "landscape.svg"}));
}

TEST_F(Sharpness, OfTheTwinItself) {
  expect_good(subbyte(train("f", {"--epochs", "1", "--format", "fp32"})));
  const Outcome outcome = subbyte({"sharpness", "f", "--iterations", "3", "--directions", "1", "--json"});
  expect_good(outcome);
  EXPECT_EQ(json::parse(outcome.out)["format"], "fp32");
}

TEST_F(Sharpness, BadInput) {
  expect_error(subbyte({"sharpness", "none"}), 1, {"none: not found, expected a run folder or a .safetensors file"});
  expect_error(subbyte({"sharpness"}), 2, {"RUN is required"});
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  expect_error(subbyte({"sharpness", "a", "--batchs", "2"}), 2, {"unknown option '--batchs' (did you mean '--batch"});
  expect_error(subbyte({"sharpness", "a", "--batches", "11"}), 2, {"--batches: found 11, expected at most 10"});
  expect_error(subbyte({"sharpness", "a", "--batch", "201"}), 2, {"train.batch: found 201, expected at most 200"});
  expect_error(subbyte({"sharpness", "a", "--iterations", "0"}), 2, {"--iterations"});
  expect_error(subbyte({"sharpness", "a", "--directions", "0"}), 2, {"--directions"});
  expect_error(subbyte({"sharpness", "a", "--range", "-1"}), 2, {"--range"});
  expect_error(subbyte({"sharpness", "a", "--data-dir", "elsewhere"}), 1, {"elsewhere"});
  expect_error(subbyte({"sharpness", "a", "--range", "1e39", "--iterations", "1", "--json"}), 1, {"direction 1 at -1"});

  const std::string file = "a/last.safetensors";
  TensorFile tensors = read_safetensors(path(file));
  for (StoredTensor& tensor : tensors.tensors)
    if (tensor.name == "fc.bias") tensor.bytes[2] = 0xC0, tensor.bytes[3] = 0x7F;  // the bits of a NaN
  const std::vector<uint8_t> bytes = encode_safetensors(tensors);
  write_file(path(file), std::string(bytes.begin(), bytes.end()));
  expect_error(subbyte({"sharpness", "a"}), 1, {file, "parameter 'fc.bias': found nan, expected a finite number"});
}

#endif

}  // namespace
}  // namespace subbyte
