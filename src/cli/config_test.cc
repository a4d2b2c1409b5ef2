#include "cli/config.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/error.h"

namespace subbyte {
namespace {

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

Config complete() {
  Config config;
  config.set("data.name=cifar10");
  return config;
}

TEST(Keys, NamesAreUniqueAndDefaultsAreInRange) {
  std::set<std::string> names, flags;
  Settings defaults;
  for (const Key& key : keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    if (*key.flag != '\0') {
      EXPECT_TRUE(flags.insert(key.flag).second) << key.flag;
    }
    if (key.scope != Scope::measured) {
      EXPECT_NO_THROW(check_range(key, defaults)) << key.name;
    }
  }
}

TEST(Config, WrittenTomlReadsBackToTheSameBytes) {
  Config config = complete();
  config.set("optimizer.lr=0.1");
  config.set("schedule.milestones=[0.3, 0.6]");
  config.set("data.dir=/a \"quoted\" \\ path");
  config.settings.input.class_names = {"cat", "d\"og", "t\xc3\xa4g"};
  config.settings.input.mean = {0.4914f, 1.0 / 3};
  config.settings.input.stddev = {0.25, 1e-5};
  config.settings.input.height = config.settings.input.width = 32;
  config.settings.input.channels = 3;
  config.settings.input.classes = 10;
  config.finish();
  for (TomlPart part : {TomlPart::all, TomlPart::checkpoint}) {
    const std::string text = to_toml(config.settings, part);
    Config again;
    again.read_toml(text, "F");
    again.finish();
    EXPECT_EQ(to_toml(again.settings, part), text);
    EXPECT_EQ(again.settings.input.mean, config.settings.input.mean);
    EXPECT_EQ(again.settings.input.class_names, config.settings.input.class_names);
  }
}

TEST(Config, CheckpointPartHoldsNothingOfThisSession) {
  Config a = complete(), b = complete();
  for (const char* text : {"data.dir=/elsewhere", "train.threads=3", "train.max_steps=7", "train.stop_after=2",
                           "train.log_every=1", "evaluation.test=never", "evaluation.batch=1"})
    b.set(text);
  EXPECT_EQ(to_toml(a.settings, TomlPart::checkpoint), to_toml(b.settings, TomlPart::checkpoint));
  EXPECT_NE(to_toml(a.settings, TomlPart::all), to_toml(b.settings, TomlPart::all));
  b.set("train.seed=2");
  EXPECT_NE(to_toml(a.settings, TomlPart::checkpoint), to_toml(b.settings, TomlPart::checkpoint));
}

TEST(Config, LaterSourcesWin) {
  Config config;
  config.read_toml("[train]\nbatch = 32\nepochs = 7\n[optimizer]\nlr = 1\n", "F");
  config.set("train.batch=64");
  EXPECT_EQ(config.settings.train.batch, 64);
  EXPECT_EQ(config.settings.train.epochs, 7);
  EXPECT_EQ(config.settings.optimizer.lr, 1.0);
  EXPECT_EQ(config.settings.optimizer.momentum, 0.9);
}

TEST(Config, FileErrorsNameFileLineFoundAndExpected) {
  const auto error = [](const std::string& text) { return error_of([&] { Config().read_toml(text, "run.toml"); }); };
  EXPECT_EQ(error("[train]\n\nepoch = 3\n"), "run.toml:3: unknown key 'train.epoch' (did you mean 'train.epochs'?)");
  EXPECT_EQ(error("[tain]\nepochs = 3\n"), "run.toml:2: unknown key 'tain.epochs' (did you mean 'train.epochs'?)");
  EXPECT_EQ(error("speed = 3\n"), "run.toml:1: unknown key 'speed'");
  EXPECT_EQ(error("[train]\nbatch = \"many\"\n"),
            "run.toml:2: train.batch: found a text, expected a whole number, 1 to 65536");
  EXPECT_EQ(error("[train]\nbatch = 1.5\n"),
            "run.toml:2: train.batch: found a number, expected a whole number, 1 to 65536");
  EXPECT_EQ(error("[train]\nbatch = 0\n"), "run.toml:2: train.batch: found 0, expected a whole number, 1 to 65536");
  EXPECT_EQ(error("[data]\nflip = 1\n"), "run.toml:2: data.flip: found a whole number, expected true or false");
  EXPECT_EQ(error("[schedule]\nmilestones = [0.1, 2]\n"),
            "run.toml:2: schedule.milestones: found 2, expected a list of numbers, 0 to 1");
  EXPECT_EQ(error("[schedule]\nmilestones = [\"x\"]\n"),
            "run.toml:2: schedule.milestones: found a list, expected a list of numbers, 0 to 1");
  EXPECT_EQ(error("[optimizer]\nlr = nan\n"), "run.toml:2: optimizer.lr: found nan, expected a number, 0 or more");
  EXPECT_EQ(error("[optimizer]\nlr = inf\n"), "run.toml:2: optimizer.lr: found inf, expected a number, 0 or more");
  EXPECT_EQ(error("train = 3\n"), "run.toml:1: unknown key 'train'");
  EXPECT_EQ(error("[train]\nepochs = \n").rfind("run.toml:2: not TOML: ", 0), 0u);
}

TEST(Config, AssignmentErrors) {
  const auto error = [](const std::string& text) { return error_of([&] { complete().set(text); }); };
  EXPECT_EQ(error("train.batch"), "--set: found 'train.batch', expected section.key=value");
  EXPECT_EQ(error("train.batches=3"), "unknown key 'train.batches' (did you mean 'train.batch'?)");
  EXPECT_EQ(error("train.batch=x"), "train.batch: found 'x', expected a whole number, 1 to 65536");
  EXPECT_EQ(error("train.batch=12x"), "train.batch: found '12x', expected a whole number, 1 to 65536");
  EXPECT_EQ(error("train.seed=-1"), "train.seed: found -1, expected a whole number, 0 or more");
  EXPECT_EQ(error("optimizer.lr="), "optimizer.lr: found '', expected a number, 0 or more");
  EXPECT_EQ(error("data.flip=yes"), "data.flip: found 'yes', expected true or false");
  EXPECT_EQ(error("input.mean=0.5"), "input.mean: is measured from the data and cannot be set");
  EXPECT_EQ(error("schedule.milestones=0.5,,0.7"),
      "schedule.milestones: found '0.5,,0.7', expected a list of numbers, 0 to 1");
  EXPECT_EQ(error("model.name='mlp'"), "accepted");
  EXPECT_EQ(error("optimizer.lr= 1e-3 "), "accepted");
}

TEST(Config, FinishChecksNamesAndCombinations) {
  const auto error = [](const std::string& text) {
    return error_of([&] {
      Config config = complete();
      config.set(text);
      config.finish();
    });
  };
  EXPECT_EQ(error("train.seed=3"), "accepted");
  EXPECT_NE(error("model.name=resnet21").find("model.name: found 'resnet21', expected one of "), std::string::npos);
  EXPECT_NE(error("model.name=resnet21").find("did you mean 'resnet20'?"), std::string::npos);
  EXPECT_NE(error("data.name=cifar11").find("did you mean 'cifar10'?"), std::string::npos);
  EXPECT_NE(error("data.name=").find("data.name: missing, expected one of "), std::string::npos);
  EXPECT_EQ(error("format.name=w1a4g4"), "format.name: format 'w1a4g4': found 1 bits for 'w', expected 2 to 8");
  EXPECT_EQ(error("format.first=fp32"), "format.first: found 'fp32', expected wXaYgZ with X, Y, Z in 2..8");
  EXPECT_EQ(error("norm.kind=l3").rfind("norm.kind: ", 0), 0u);
  EXPECT_NE(error("schedule.name=cos").find("expected constant, step, cosine or onecycle"), std::string::npos);
  EXPECT_NE(error("schedule.milestones=0.7,0.5").find("ascending"), std::string::npos);
  EXPECT_NE(error("evaluation.test=often").find("found 'often'"), std::string::npos);
  Config folded = complete();
  folded.set("evaluation.folded=true");
  folded.finish();
  folded.set("format.name=fp32");
  EXPECT_THROW(folded.finish(), UsageError);
}

TEST(Config, DefaultsThatDependOnOtherKeys) {
  const auto finished = [](const std::vector<std::string>& texts) {
    Config config;
    for (const std::string& text : texts) config.set(text);
    config.finish();
    return config.settings;
  };
  EXPECT_EQ(finished({"data.name=cifar10"}).data.crop, 4);
  EXPECT_TRUE(finished({"data.name=cifar100"}).data.flip);
  EXPECT_EQ(finished({"data.name=fashion-mnist"}).data.crop, 2);
  EXPECT_TRUE(finished({"data.name=fashion-mnist"}).data.flip);
  EXPECT_EQ(finished({"data.name=mnist"}).data.crop, 0);
  EXPECT_FALSE(finished({"data.name=mnist"}).data.flip);
  EXPECT_EQ(finished({"data.name=cifar10", "data.crop=1", "data.flip=false"}).data.crop, 1);
  EXPECT_FALSE(finished({"data.name=cifar10", "data.flip=false"}).data.flip);
  EXPECT_EQ(finished({"data.name=cifar10"}).schedule.warmup, 0.3);
  EXPECT_EQ(finished({"data.name=cifar10", "schedule.name=cosine"}).schedule.warmup, 0.0);
  EXPECT_EQ(finished({"data.name=cifar10", "schedule.name=cosine", "schedule.warmup=0.1"}).schedule.warmup, 0.1);
  EXPECT_TRUE(finished({"data.name=cifar10", "format.name=w8a8g8"}).evaluation.folded);
  EXPECT_FALSE(finished({"data.name=cifar10", "format.name=fp32"}).evaluation.folded);
  EXPECT_FALSE(finished({"data.name=cifar10", "quant.norm_bits=7"}).evaluation.folded);
}

}  // namespace
}  // namespace subbyte
