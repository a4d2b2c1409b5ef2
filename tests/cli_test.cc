// What a user does with the program, from training to prediction, and resuming bit for bit.
#include <png.h>

#include <cstring>

#include "program.h"

namespace subbyte {
namespace {

using Cli = ProgramTest;
using nlohmann::json;

const std::set<std::string> kRunFiles = {"config.toml", "last.safetensors", "log.txt", "metrics.jsonl"};

void write_png(const std::string& path, int side, const std::vector<uint8_t>& pixels) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = png_uint_32(side);
  image.format = PNG_FORMAT_GRAY;
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr), 0);
}

/// Fine-tuning: the first step of the new run starts from the other's parameters, whose format need not be the same.
TEST_F(Cli, AnotherRunsParametersMayBeTheStart) {
  expect_good(subbyte(train("first", {"--format", "w8a8g8", "--epochs", "8", "--val", "20", "--seed", "3"})));
  for (const char* from : {"first", "first/last.safetensors"}) {
    expect_good(subbyte(train("tuned", {"--init", from, "--epochs", "1", "--lr", "0.001", "--force"})));
    expect_good(subbyte(train("fresh", {"--epochs", "1", "--lr", "0.001", "--force"})));
    EXPECT_LT(metrics("tuned")[0]["train_loss"], 0.5 * double(metrics("fresh")[0]["train_loss"]));
    EXPECT_GT(metrics("tuned")[0]["test_accuracy"], 0.8);
  }
  const Outcome other = subbyte(train("other", {"--init", "first", "--model", "vgg-small"}));
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("first/last.safetensors: tensor 'conv1.weight' is missing"), std::string::npos) << other.err;
  EXPECT_NE(subbyte(train("other", {"--init", "nothing"})).err.find("nothing: not found"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("other")));
}

TEST_F(Cli, TrainEvalPredictInfo) {
  const Outcome trained = subbyte(train("a", {"--epochs", "8", "--val", "20", "--seed", "3"}));
  expect_good(trained);
  EXPECT_EQ(files("a"), kRunFiles);
  for (const char* text :
      {"mlp", "mnist: 180 training, 20 validation, 50 test records of 8x8x1", "w4a4g4", "fc1 w8a8g8",
                           "fc w8a8g8", "1 threads", "epoch 8/8", "peak memory", "saved in"})
    EXPECT_NE(trained.out.find(text), std::string::npos) << text << "\nin " << trained.out;
  EXPECT_EQ(read_text(path("a/log.txt")), trained.out);

  const std::vector<json> lines = metrics("a");
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[7]["step"], 72);
  EXPECT_GT(lines[7]["test_accuracy"], 0.8);
  EXPECT_TRUE(lines[7].contains("val_accuracy"));

  // Evaluation finds what training measured, from the folder and from the file, for any batch and number of threads.
  for (const Strings& more :
      {Strings{"a", "--json"}, Strings{"a/last.safetensors", "--json", "--data-dir", path("data")},
                              Strings{"a", "--json", "--batch", "7", "--threads", "2"}}) {
    Strings arguments = {"eval"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = subbyte(arguments);
    expect_good(outcome);
    const json result = json::parse(outcome.out);
    EXPECT_EQ(result["accuracy"], lines[7]["test_accuracy"]);
    EXPECT_EQ(result["count"], kTest);
  }
  EXPECT_NE(subbyte({"eval", "a"}).out.find("of 50 records"), std::string::npos);
  const Outcome folded = subbyte({"eval", "a", "--folded", "--json"});
  expect_good(folded);
  const json both = json::parse(folded.out);
  EXPECT_EQ(both["accuracy"], lines[7]["test_accuracy"]);
  EXPECT_EQ(both["count"], kTest);
  EXPECT_EQ(both["same_share"], both["same_predictions"].get<double>() / kTest);
  EXPECT_GT(both["same_share"], 0.9);
  EXPECT_GT(both["accuracy"], 0.8);
  EXPECT_NE(subbyte({"eval", "a", "--folded"}).out.find("same prediction for "), std::string::npos);

  const Outcome info = subbyte({"info", "a", "--json"});
  expect_good(info);
  const json layers = json::parse(info.out);
  EXPECT_EQ(layers["model"], "mlp");
  EXPECT_EQ(layers["step"], 72);
  int64_t parameters = 0;
  bool found = false;
  for (const json& layer : layers["layers"]) {
    parameters += layer["parameters"].get<int64_t>();
    if (layer["name"] != "fc2") continue;
    found = true;
    EXPECT_EQ(layer["format"], "w4a4g4");
    EXPECT_EQ(layer["weight_bytes"], 512 * 512 / 2);  // 4 bits each
    EXPECT_EQ(layer["filter_groups"], 1);             // one tap
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(layers["parameters"], parameters);
  EXPECT_NE(subbyte({"info", "a/last.safetensors"}).out.find("fc2"), std::string::npos);

  int right = 0;
  Strings arguments = {"predict", "a", "--json"};
  for (uint32_t c = 0; c < kClasses; ++c) {
    const std::string name = path("image" + std::to_string(c) + ".png");
    write_png(name, kSide, image(c));
    arguments.push_back(name);
  }
  const Outcome predicted = subbyte(arguments);
  expect_good(predicted);
  const json predictions = json::parse(predicted.out);
  ASSERT_EQ(predictions.size(), size_t(kClasses));
  for (int c = 0; c < kClasses; ++c) {
    const json& best = predictions[c]["classes"][0];
    right += best["class"] == c;
    EXPECT_GT(best["probability"], 0.1);
    EXPECT_LE(best["probability"], 1.0);
  }
  EXPECT_GE(right, 8);
  const Outcome plain = subbyte({"predict", "a", path("image3.png"), "--top", "2"});
  expect_good(plain);
  EXPECT_EQ(std::count(plain.out.begin(), plain.out.end(), '%'), 2);
}

/// What training measures is what is deployed, bit for bit: from the run and from its file; or, if asked for, the network with
/// its normalizations' codes.
TEST_F(Cli, TrainingEvaluatesFolded) {
  expect_good(subbyte(train("a")));
  const json last = metrics("a").back();
  for (const char* what : {"a", "a/last.safetensors"}) {
    const Outcome folded = subbyte({"eval", what, "--data-dir", path("data"), "--folded", "--json"});
    expect_good(folded);
    EXPECT_EQ(json::parse(folded.out)["accuracy"], last["test_accuracy"]) << what;
    const Outcome plain = subbyte({"eval", what, "--data-dir", path("data"), "--json"});
    expect_good(plain);
    EXPECT_EQ(json::parse(plain.out)["loss"], json::parse(folded.out)["loss"]) << what;
    EXPECT_NE(json::parse(plain.out)["loss"], json::parse(folded.out)["unfolded_loss"]) << what;
  }
  expect_good(subbyte(train("c", {"--set", "evaluation.folded=false"})));
  const json both = json::parse(subbyte({"eval", "c", "--folded", "--json"}).out);
  EXPECT_EQ(both["unfolded_accuracy"], metrics("c").back()["test_accuracy"]);
  EXPECT_NE(both["unfolded_loss"], both["loss"]);
  EXPECT_EQ(json::parse(subbyte({"eval", "c", "--json"}).out)["loss"], both["unfolded_loss"]);
  expect_error(subbyte(train("b", {"--format", "fp32", "--set", "evaluation.folded=true"})), 2,
               {"evaluation.folded: found true with format fp32, expected an integer format"});
  expect_error(subbyte({"eval", "a", "--folded", "--data-dir", "elsewhere"}), 1, {"elsewhere"});
}

TEST_F(Cli, TrainJsonIsOneObjectOnStandardOutput) {
  const Outcome outcome = subbyte(train("a", {"--json"}));
  EXPECT_EQ(outcome.code, 0);
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["run"], path("a"));
  EXPECT_EQ(result["step"], 20);
  EXPECT_EQ(result["finished"], true);
  EXPECT_EQ(result["interrupted"], false);
  EXPECT_EQ(result["last_epoch"], metrics("a")[1]);
  EXPECT_NE(outcome.err.find("epoch 2/2"), std::string::npos);
}

TEST_F(Cli, ListsAndHelp) {
  for (const auto& [command, text] :
      {std::pair("formats", "wXaYgZ"), std::pair("models", "resnet20"), std::pair("data", "mnist")}) {
    const Outcome plain = subbyte({command});
    expect_good(plain);
    EXPECT_NE(plain.out.find(text), std::string::npos);
    const json list = json::parse(subbyte({command, "--json"}).out);
    EXPECT_EQ(list.size(), size_t(std::count(plain.out.begin(), plain.out.end(), '\n')));
    for (const json& entry : list) EXPECT_NE(entry["summary"], "");
  }
  for (const char* command : {"train", "eval", "predict", "info", "report", "bench", "formats", "models", "data"}) {
    const Outcome help = subbyte({command, "--help"});
    expect_good(help);
    EXPECT_NE(help.out.find("--json"), std::string::npos) << command;
    EXPECT_NE(subbyte({"--help"}).out.find(command), std::string::npos);
  }
  EXPECT_NE(subbyte({"train", "--help"}).out.find("optimizer.weight_decay"), std::string::npos);
  EXPECT_EQ(subbyte({"--version"}).out.rfind("subbyte ", 0), 0u);
}

TEST_F(Cli, ConfigurationFileRepeatsTheRun) {
  expect_good(subbyte(train("a", {"--set", "optimizer.momentum=0.8"})));
  expect_good(subbyte({"train", "--config", path("a/config.toml"), "--out", path("b")}));
  EXPECT_TRUE(checkpoint("a") == checkpoint("b"));
  expect_good(subbyte({"train", "--config", path("a/config.toml"), "--out", path("c"), "--seed", "2"}));
  EXPECT_FALSE(checkpoint("a") == checkpoint("c"));
}

TEST_F(Cli, SplitRunsGiveTheSameBytesForAnyThreads) {
  expect_good(subbyte(train("whole", {"--epochs", "4"})));
  const std::vector<uint8_t> expected = checkpoint("whole");

  expect_good(subbyte(train("epochs", {"--epochs", "4", "--stop-after", "2"})));
  EXPECT_EQ(metrics("epochs").size(), 2u);
  expect_good(subbyte({"train", "--resume", path("epochs"), "--threads", "2"}));
  EXPECT_TRUE(checkpoint("epochs") == expected);
  EXPECT_EQ(metrics("epochs").size(), 4u);

  expect_good(subbyte(train("steps", {"--epochs", "4", "--max-steps", "13", "--threads", "3"})));
  EXPECT_EQ(metrics("steps").size(), 2u);
  expect_good(subbyte({"train", "--resume", path("steps")}));
  EXPECT_TRUE(checkpoint("steps") == expected);
  EXPECT_EQ(metrics("steps").size(), 4u);
  EXPECT_EQ(metrics("steps")[1]["train_loss"], metrics("whole")[1]["train_loss"]);
}

TEST_F(Cli, HowGradientsAreRoundedIsPartOfTheRecipe) {
  expect_good(subbyte(train("usual")));
  for (const std::string key : {"quant.round_g=nearest", "quant.draws_g=2"}) {
    const std::string whole = key + "-whole", split = key + "-split";
    expect_good(subbyte(train(whole, {"--set", key})));
    EXPECT_NE(metrics(whole)[1]["train_loss"], metrics("usual")[1]["train_loss"]) << key;
    expect_good(subbyte(train(split, {"--set", key, "--stop-after", "1"})));
    expect_good(subbyte({"train", "--resume", path(split)}));
    EXPECT_TRUE(checkpoint(split) == checkpoint(whole)) << key;
  }
}

TEST_F(Cli, MoreEpochsAfterTheEnd) {
  const Strings constant = {"--set", "schedule.name=constant"};
  Strings four = constant;
  four.insert(four.end(), {"--epochs", "4"});
  expect_good(subbyte(train("whole", four)));
  expect_good(subbyte(train("split", constant)));
  expect_good(subbyte({"train", "--resume", path("split"), "--epochs", "4"}));
  EXPECT_TRUE(checkpoint("split") == checkpoint("whole"));
  const Outcome done = subbyte({"train", "--resume", path("split")});
  expect_error(done, 2, {"train.epochs: found 4", "already trained 4"});
}

TEST_F(Cli, SignalsEndAtACheckpointThatContinues) {
  const Strings many = {"--epochs", "30", "--set", "evaluation.test=never"};
  expect_good(subbyte(train("whole", many)));
  for (int signal : {SIGTERM, SIGINT}) {
    const std::string run = signal == SIGTERM ? "term" : "int";
    const pid_t child = start(train(run, many));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!std::filesystem::exists(path(run + "/last.safetensors")) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(child, signal);
    const Outcome stopped = finish(child);
    expect_good(stopped);
    EXPECT_EQ(files(run), kRunFiles);
    EXPECT_NE(stopped.out.find("continue with: subbyte train --resume " + path(run)), std::string::npos) << stopped.out;
    EXPECT_LT(metrics(run).size(), 30u);
    expect_good(subbyte({"train", "--resume", path(run)}));
    EXPECT_TRUE(checkpoint(run) == checkpoint("whole"));
    EXPECT_EQ(metrics(run).size(), 30u);
  }
}

TEST_F(Cli, ARunIsNotOverwrittenUnasked) {
  expect_good(subbyte(train("a")));
  const std::vector<uint8_t> before = checkpoint("a");
  expect_error(subbyte(train("a", {"--seed", "2"})), 2, {path("a") + ": already holds a run", "--resume", "--force"});
  EXPECT_TRUE(checkpoint("a") == before);
  expect_good(subbyte(train("a", {"--seed", "2", "--force"})));
  EXPECT_FALSE(checkpoint("a") == before);
  EXPECT_EQ(metrics("a").size(), 2u);
}

}  // namespace
}  // namespace subbyte
