#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "base/philox.h"
#include "base/safetensors.h"
#include "nn/network.h"
#include "subbyte/model.h"
#include "subbyte/version.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"

namespace subbyte {
namespace {

constexpr int kSide = 8, kClasses = 3, kBatch = 12;

ModelOptions options(int threads = 1) {
  ModelOptions options;
  options.model = "mlp";
  options.height = options.width = kSide;
  options.channels = 1;
  options.classes = kClasses;
  options.seed = 7;
  options.threads = threads;
  return options;
}

/// Batch `index`: noise where the rows of the label are bright.
struct Images {
  explicit Images(uint32_t index) {
    for (int n = 0; n < kBatch; ++n) {
      labels.push_back(int(random_words(1, RandomUse::shuffle, index, 0, uint32_t(n))[0] % kClasses));
      for (int i = 0; i < kSide * kSide; ++i) {
        const uint32_t noise = random_words(1, RandomUse::augment, index, uint32_t(n), uint32_t(i))[0] % 60;
        pixels.push_back(uint8_t(noise + (i / kSide / 2 == labels.back() ? 180 : 0)));
      }
    }
  }
  std::vector<uint8_t> pixels;   // [kBatch][kSide][kSide][1]
  std::vector<int32_t> labels;   // [kBatch]
};

void train(Model& model, uint32_t begin, uint32_t end) {
  for (uint32_t index = begin; index < end; ++index) {
    const Images batch(index);
    model.train_step(batch.pixels, batch.labels, 0.05f);
  }
}

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("subbyte_api_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

std::string bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return std::string("usage: ") + error.what();
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
  return "no exception";
}

TEST(Api, LearnsAndPredictsWhatItLearned) {
  Model model = Model::create(options());
  train(model, 0, 150);
  int correct = 0;
  for (uint32_t index = 1000; index < 1010; ++index) {
    const Images batch(index);
    const std::vector<float> logits = model.predict(batch.pixels);
    ASSERT_EQ(logits.size(), size_t(kBatch) * kClasses);
    for (int n = 0; n < kBatch; ++n) {
      const float* row = &logits[size_t(n) * kClasses];
      correct += std::max_element(row, row + kClasses) - row == batch.labels[size_t(n)];
    }
  }
  EXPECT_GT(correct, 108);  // of 120; guessing gives 40
}

TEST(Api, ContinuesFromAFileAsIfItHadNotStopped) {
  const Folder folder;
  Model straight = Model::create(options());
  train(straight, 0, 6);
  straight.save(folder.file("straight"));

  Model first = Model::create(options());
  train(first, 0, 3);
  first.save(folder.file("first"));
  Model second = Model::load(folder.file("first"));
  EXPECT_EQ(second.steps(), 3);
  EXPECT_EQ(second.options().mean, std::vector<float>{0.5f});
  train(second, 3, 6);
  second.save(folder.file("second"));
  EXPECT_EQ(bytes(folder.file("straight")), bytes(folder.file("second")));
}

TEST(Api, ThreadsChangeNoByte) {
  const Folder folder;
  Model one = Model::create(options(1)), three = Model::create(options(3));
  train(one, 0, 2);
  train(three, 0, 2);
  one.set_threads(2);
  train(one, 2, 5);
  train(three, 2, 5);
  EXPECT_EQ(one.options().threads, 2);
  one.save(folder.file("one"));
  three.save(folder.file("three"));
  EXPECT_EQ(bytes(folder.file("one")), bytes(folder.file("three")));
}

TEST(Api, LoadsARunFolder) {
  const Folder folder;
  Model model = Model::create(options());
  train(model, 0, 2);
  model.save(folder.file("last.safetensors"));
  const Images batch(5);
  EXPECT_EQ(Model::load(folder.path.string()).predict(batch.pixels), model.predict(batch.pixels));
}

/// What `subbyte train` writes into a checkpoint, with choices that ModelOptions does not have.
const char kRunConfig[] =
    "version = \"0.1.0\"\n\n[model]\nname = \"mlp\"\n\n[data]\nname = \"mnist\"\n\n[format]\nname = \"w3a5g6\"\n"
    "first = \"w4a4g4\"\nlast = \"w5a6g7\"\n\n[quant]\ngroups_w = 1\ngroups_a = 2\nblock_groups_a = 2\n"
    "filter_groups_w = 3\nclip_w = 2.5\n"
    "draws_g = 2\nnorm_bits = 6\n\n[norm]\nkind = \"l2\"\nmomentum = 0.25\n\n[train]\nseed = 3\n"
    "label_smoothing = 0.1\n\n[optimizer]\nlr = 0.2\nmomentum = 0.8\nnesterov = false\n\n[input]\n"
    "height = 8\nwidth = 8\nchannels = 1\nclasses = 3\nclass_names = []\nmean = [0.25]\nstddev = [0.3]\n";

TEST(Api, LoadsWhatTheCommandLineTrainedWithAllItsChoices) {
  NetworkConfig config;
  config.model = make_model("mlp", {kSide, kSide, 1}, kClasses);
  config.format = Format::parse("w3a5g6");
  config.norm = NormKind::l2;
  config.quant.first = Format::parse("w4a4g4");
  config.quant.last = Format::parse("w5a6g7");
  config.quant.groups_w = 1;
  config.quant.groups_a = 2;
  config.quant.block_groups_a = 2;
  config.quant.filter_groups_w = 3;
  config.quant.clip_w = 2.5f;
  config.quant.draws_g = 2;
  config.quant.norm_bits = 6;
  config.mean = {0.25f};
  config.stddev = {0.3f};
  config.label_smoothing = 0.1f;
  config.norm_momentum = 0.25f;
  config.seed = 3;
  OptimizerConfig optimizer_config;
  optimizer_config.momentum = 0.8f;
  optimizer_config.nesterov = false;
  const auto network = make_network(config);
  initialize(network->params(), config.seed);
  Sgd optimizer(optimizer_config, network->params());
  const auto step = [&](uint32_t index) {
    const Images batch(index);
    network->train_step({kBatch, batch.pixels.data(), batch.labels.data()}, index);
    optimizer.step(network->params(), 0.05f);
  };
  const Folder folder;
  CheckpointInfo info{"mlp", "w3a5g6", kRunConfig, 3, {}};
  step(0);
  info.progress.step = 1;
  save_checkpoint(folder.file("run"), info, *network, &optimizer);
  step(1);
  info.progress.step = 2;
  save_checkpoint(folder.file("expected"), info, *network, &optimizer);

  Model model = Model::load(folder.file("run"));
  EXPECT_EQ(model.options().norm, "l2");
  train(model, 1, 2);
  model.save(folder.file("found"));
  EXPECT_EQ(bytes(folder.file("found")), bytes(folder.file("expected")));
}

TEST(Api, NamesTheKeyOfADamagedConfiguration) {
  const Folder folder;
  Model model = Model::create(options());
  model.save(folder.file("good"));
  TensorFile file = read_safetensors(folder.file("good"));
  std::string& config = file.metadata["config"];
  config.replace(config.find("classes = 3"), 11, "classes = 0");
  write_safetensors(folder.file("bad"), file);
  EXPECT_EQ(message([&] { Model::load(folder.file("bad")); }),
            "error: " + folder.file("bad") + ": configuration: classes: found 0, expected 1 to 1000000");
  config.replace(config.find("classes = 0"), 11, "classes = 3");
  config += "\n[quant]\nround_g = \"nearst\"\n";
  write_safetensors(folder.file("bad"), file);
  EXPECT_EQ(message([&] { Model::load(folder.file("bad")); }),
            "error: " + folder.file("bad") + ": configuration: quant.round_g: found 'nearst', expected 'stochastic' or "
            "'nearest' (did you mean 'nearest'?)");
}

TEST(Api, SaysWhatIsWrongWithTheOptions) {
  const auto created = [](const std::function<void(ModelOptions&)>& change) {
    ModelOptions changed = options();
    change(changed);
    return message([&] { Model::create(changed); });
  };
  EXPECT_EQ(created([](ModelOptions& o) { o.classes = 0; }), "usage: classes: found 0, expected 1 to 1000000");
  EXPECT_EQ(created([](ModelOptions& o) { o.threads = -1; }), "usage: threads: found -1, expected 1 to 1024");
  EXPECT_EQ(created([](ModelOptions& o) { o.momentum = 1; }), "usage: momentum: found 1.000000, expected 0 <= x < 1");
  EXPECT_NE(created([](ModelOptions& o) { o.model = "resnet2"; }).find("resnet20"), std::string::npos);
  EXPECT_NE(created([](ModelOptions& o) { o.format = "w1a4g4"; }).find("w1a4g4"), std::string::npos);
  EXPECT_NE(created([](ModelOptions& o) { o.mean = {0.1f, 0.2f}; }).find("mean"), std::string::npos);
}

TEST(Api, SaysWhatIsWrongWithABatchAndKeepsTheModel) {
  Model model = Model::create(options());
  const Images batch(1);
  const std::vector<float> before = model.predict(batch.pixels);
  std::vector<int32_t> labels = batch.labels;
  labels[4] = kClasses;
  EXPECT_EQ(message([&] { model.train_step(batch.pixels, labels, 0.1f); }),
            "usage: labels[4]: found 3, expected 0 to 2");
  labels.pop_back();
  EXPECT_EQ(message([&] { model.train_step(batch.pixels, labels, 0.1f); }),
            "usage: labels: found 11, expected 12, one an image");
  EXPECT_EQ(message([&] { model.predict(std::vector<uint8_t>(65)); }),
            "usage: pixels: found 65 bytes, expected a multiple of 64, the bytes of an image");
  EXPECT_EQ(model.steps(), 0);
  EXPECT_EQ(model.predict(batch.pixels), before);
}

TEST(Api, SaysWhatIsWrongWithAFile) {
  const Folder folder;
  EXPECT_NE(message([&] { Model::load(folder.file("none")); }).find(folder.file("none")), std::string::npos);
  std::ofstream(folder.file("text")) << "not a checkpoint";
  const std::string text = message([&] { Model::load(folder.file("text")); });
  EXPECT_EQ(text.find("error: " + folder.file("text")), 0u) << text;
}

TEST(Api, NamesWhatThereIs) {
  const std::vector<std::string> names = model_names();
  EXPECT_NE(std::find(names.begin(), names.end(), "resnet20"), names.end());
  EXPECT_EQ(std::count(version(), version() + std::string(version()).size(), '.'), 2);
}

}  // namespace
}  // namespace subbyte
