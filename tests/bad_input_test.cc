// Every bad input gives one clear line, the right exit code and no partial output.
#include "base/safetensors.h"
#include "program.h"

namespace subbyte {
namespace {

using BadInput = ProgramTest;

TEST_F(BadInput, UsageNamesTheNearestValidWord) {
  expect_error(subbyte({"trian"}), 2, {"unknown command 'trian' (did you mean 'train'?)"});
  expect_error(subbyte({}), 2, {"expected a command: train, eval"});
  expect_error(subbyte({"train", "--epoch", "3"}), 2, {"unknown option '--epoch' (did you mean '--epochs'?)"});
  expect_error(subbyte({"eval"}), 2, {"RUN is required"});
  expect_error(subbyte({"eval", "a", "--jsn"}), 2, {"unknown option '--jsn' (did you mean '--json'?)"});
  expect_error(subbyte({"info", "a", "b"}), 2, {"info: unexpected argument 'b'"});
  expect_error(subbyte({"train", "--epochs"}), 2, {"--epochs"});
  expect_error(subbyte({"train", "--config", "none.toml"}), 2, {"none.toml"});
  expect_error(subbyte({"train", "--resume", "a", "--out", "b"}), 2, {"--resume", "--out"});
}

TEST_F(BadInput, ValuesOfARun) {
  struct Case {
    Strings more, texts;
  };
  const std::vector<Case> cases = {
      {{"--model", "resnet21"}, {"model.name: found 'resnet21'", "did you mean 'resnet20'?"}},
      {{"--data", "mnits"}, {"data.name: found 'mnits'", "did you mean 'mnist'?"}},
      {{"--format", "w1a4g4"}, {"'w1a4g4': found 1 bits for 'w', expected 2 to 8"}},
      {{"--format", "fp23"}, {"found 'fp23'", "did you mean 'fp32'?"}},
      {{"--norm", "l3"}, {"norm.kind", "found 'l3', expected 'l1' or 'l2'"}},
      {{"--batch", "0"}, {"train.batch: found 0, expected a whole number, 1 to 65536"}},
      {{"--batch", "201"}, {"train.batch: found 201, expected at most 200, the number of training records"}},
      {{"--limit", "10"}, {"train.batch: found 20, expected at most 10"}},
      {{"--val", "200"}, {"data.val: found 200, expected less than 200"}},
      {{"--epochs", "many"}, {"train.epochs: found 'many', expected a whole number"}},
      {{"--lr", "-1"}, {"optimizer.lr: found -1, expected a number, 0 or more"}},
      {{"--set", "optimizer.l=1"}, {"unknown key 'optimizer.l' (did you mean 'optimizer.lr'?)"}},
      {{"--set", "optimizer.lr"}, {"--set: found 'optimizer.lr', expected section.key=value"}},
      {{"--set", "schedule.name=onecycl"}, {"schedule.name: found 'onecycl'", "did you mean 'onecycle'?"}},
      {{"--set", "quant.groups_w=9"}, {"quant.groups_w: found 9, expected a whole number, 0 to 8"}},
      {{"--set", "quant.clip_w=0.5"}, {"quant.clip_w"}},
      {{"--set", "quant.round_g=nearst"},
       {"quant.round_g: found 'nearst', expected 'stochastic' or 'nearest' (did you mean 'nearest'?)"}},
      {{"--set", "quant.draws_g=3"}, {"quant.draws_g: found 3, expected a whole number, 1 to 2"}},
      {{"--model", "resnet20", "--set", "format.first=w9a8g8"}, {"format.first", "found 9 bits for 'w'"}},
  };
  for (const Case& bad : cases) {
    expect_error(subbyte(train("a", bad.more)), 2, bad.texts);
    EXPECT_FALSE(std::filesystem::exists(path("a"))) << bad.more[0];
  }
}

TEST_F(BadInput, ConfigurationFile) {
  write_file(path("run.toml"), "[train]\nepoch = 3\n");
  expect_error(subbyte(train("a", {"--config", path("run.toml")})), 2,
               {path("run.toml") + ":2: unknown key 'train.epoch' (did you mean 'train.epochs'?)"});
  write_file(path("run.toml"), "[train\n");
  expect_error(subbyte(train("a", {"--config", path("run.toml")})), 2, {path("run.toml") + ":1: not TOML"});
  EXPECT_FALSE(std::filesystem::exists(path("a")));
}

TEST_F(BadInput, DataFiles) {
  const std::string images = path("data/train-images-idx3-ubyte"), labels = path("data/train-labels-idx1-ubyte");
  const std::string good_images = read_text(images), good_labels = read_text(labels);
  const auto expect_bad = [&](const std::string& file, const Strings& texts) {
    const Outcome outcome = subbyte(train("a"));
    expect_error(outcome, 1, texts);
    EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(path("a")));
    write_file(images, good_images);
    write_file(labels, good_labels);
  };
  write_file(images, good_images.substr(0, 5000));
  expect_bad("train-images-idx3-ubyte", {"expected"});
  write_file(images, good_images.substr(0, 7));
  expect_bad("train-images-idx3-ubyte", {"expected"});
  write_file(labels, good_labels.substr(0, 100));
  expect_bad("train-labels-idx1-ubyte", {"expected"});
  std::string out_of_range = good_labels;
  out_of_range[30] = 10;
  write_file(labels, out_of_range);
  expect_bad("train-labels-idx1-ubyte", {"10", "expected"});
  std::filesystem::remove(images);
  expect_bad("train-images-idx3-ubyte", {});

  expect_error(subbyte(train("a", {"--data-dir", path("nowhere")})), 1, {path("nowhere")});
}

TEST_F(BadInput, Checkpoints) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  const std::string file = path("a/last.safetensors");
  const std::string good = read_text(file);
  const auto expect_bad = [&](const std::string& bytes, const Strings& texts) {
    write_file(file, bytes);
    for (const Strings& arguments :
         {Strings{"eval", path("a")}, Strings{"eval", file}, Strings{"info", path("a")}, Strings{"predict", file, file},
          Strings{"train", "--resume", path("a"), "--epochs", "2"}}) {
      const Outcome outcome = subbyte(arguments);
      expect_error(outcome, 1, texts);
      EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
      EXPECT_EQ(read_text(file), bytes);
    }
  };
  std::string header = good, body = good, metadata = good;
  header[8] = '[';
  expect_bad(header, {"header: not valid JSON"});
  header[7] = 1;
  expect_bad(header, {"header: found a length of"});
  body[good.size() - 1000] ^= 64;
  expect_bad(body, {"damaged: found checksum"});
  metadata[good.find("\"step\":\"10\"") + 8] = '9';
  expect_bad(metadata, {"damaged: found checksum"});
  expect_bad(good.substr(0, good.size() / 2), {"truncated"});
  expect_bad("", {"found 0 bytes, expected at least 8"});

  TensorFile foreign;
  foreign.add("x", {1}, std::vector<float>{1});
  const std::vector<uint8_t> bytes = encode_safetensors(foreign);
  expect_bad({bytes.begin(), bytes.end()}, {"not a Subbyte checkpoint"});
  std::filesystem::remove(file);
  expect_error(subbyte({"eval", path("a")}), 1, {file, "No such file or directory"});
  expect_error(subbyte({"train", "--resume", path("a")}), 1, {file, "No such file or directory"});
  expect_error(subbyte({"eval", path("none")}), 1, {path("none") + ": not found, expected a run folder"});
}

TEST_F(BadInput, CheckpointOfAnotherModel) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  expect_good(subbyte(train("b", {"--epochs", "1", "--format", "w8a8g8"})));
  const std::string file = path("b/last.safetensors");
  write_file(file, read_text(path("a/last.safetensors")));
  for (const Strings& arguments :
      {Strings{"eval", path("b")}, Strings{"train", "--resume", path("b"), "--epochs", "2"}})
    expect_error(subbyte(arguments), 1,
                 {"checkpoint " + file + " is of model 'mlp' (w4a4g4), expected 'mlp' (w8a8g8)"});
}

TEST_F(BadInput, ResumeKeepsTheRecipe) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  const auto resume = [this](const Strings& more) {
    Strings arguments = {"train", "--resume", path("a"), "--epochs", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return subbyte(arguments);
  };
  expect_error(resume({"--batch", "10"}), 2, {"train.batch: cannot change in a resumed run"});
  expect_error(resume({"--set", "optimizer.lr=1"}), 2, {"optimizer.lr: cannot change in a resumed run"});

  // Other data under the same name.
  std::string images = read_text(path("data/train-images-idx3-ubyte"));
  for (size_t i = 16; i < images.size(); ++i) images[i] = char(uint8_t(images[i]) / 2);
  write_file(path("data/train-images-idx3-ubyte"), images);
  expect_error(resume({}), 1, {"data 'mnist' differs from the data that this run began with"});
}

TEST_F(BadInput, OutputThatCannotBeWritten) {
  write_file(path("file"), "x");
  expect_error(subbyte(train("file/run")), 1, {path("file/run") + ": cannot create the folder: Not a directory"});
  EXPECT_EQ(read_text(path("file")), "x");

  expect_error(subbyte(train("a"), 1000), 1, {path("a/config.toml"), "cannot write: File too large"});
  EXPECT_FALSE(std::filesystem::exists(path("a")));
}

TEST_F(BadInput, FullDiskKeepsTheOldCheckpoint) {
  const Outcome first = subbyte(train("a"), 100000);
  EXPECT_EQ(first.code, 1);
  expect_one_line(first, {path("a/last.safetensors"), "cannot write: File too large"});
  EXPECT_EQ(files("a"), (std::set<std::string>{"config.toml", "log.txt", "metrics.jsonl"}));

  expect_good(subbyte(train("b")));
  const std::vector<uint8_t> before = checkpoint("b");
  const Outcome second = subbyte({"train", "--resume", path("b"), "--epochs", "3"}, 100000);
  EXPECT_EQ(second.code, 1);
  expect_one_line(second, {path("b/last.safetensors"), "File too large"});
  EXPECT_TRUE(checkpoint("b") == before);
  EXPECT_EQ(files("b").count("last.safetensors.partial"), 0u);
  expect_good(subbyte({"train", "--resume", path("b"), "--epochs", "3"}));
  EXPECT_EQ(metrics("b").size(), 3u);
}

TEST_F(BadInput, LossThatIsNotFinite) {
  const Outcome outcome = subbyte(train("a", {"--set", "schedule.name=constant", "--lr", "1e30"}));
  EXPECT_EQ(outcome.code, 1);
  expect_one_line(outcome, {"step ", "epoch 1", "finite", "no checkpoint was written yet"});
  EXPECT_EQ(files("a"), (std::set<std::string>{"config.toml", "log.txt"}));
}

TEST_F(BadInput, EvaluationDataOfAnotherShape) {
  expect_good(subbyte(train("a", {"--epochs", "1"})));
  std::string images = read_text(path("data/t10k-images-idx3-ubyte"));
  images = images.substr(0, 8) + big_endian(4) + big_endian(16) + images.substr(16);
  write_file(path("data/t10k-images-idx3-ubyte"), images);
  expect_error(subbyte({"eval", path("a")}), 1, {"found images of 4x16x1", "expected 8x8x1"});
}

}  // namespace
}  // namespace subbyte
