#include "train/config_text.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace subbyte {
namespace {

const char kText[] =
    "version = \"0.1.0\"\n"
    "# a comment\n"
    "\n"
    "[train]\n"
    "seed = 42\n"
    "label_smoothing = 0.1\r\n"
    "[input]\n"
    "mean = [0.25, 0.5,1e-3]\n"
    "class_names = [\"a\"]\n"
    "flip = true\n"
    "empty = []";

TEST(ConfigText, ReadsValuesOfEachType) {
  const ConfigText text(kText, "file");
  EXPECT_EQ(text.text("version", ""), "0.1.0");
  EXPECT_EQ(text.whole("train.seed", 0), 42);
  EXPECT_EQ(text.number("train.label_smoothing", 0), 0.1);
  EXPECT_EQ(text.number("train.seed", 0), 42);
  EXPECT_TRUE(text.flag("input.flip", false));
  EXPECT_EQ(text.numbers("input.mean"), (std::vector<float>{0.25f, 0.5f, 1e-3f}));
  EXPECT_TRUE(text.numbers("input.empty").empty());
}

TEST(ConfigText, FallsBackWhereAKeyIsMissing) {
  const ConfigText text(kText, "file");
  EXPECT_EQ(text.text("model.name", "mlp"), "mlp");
  EXPECT_EQ(text.whole("seed", 3), 3);
  EXPECT_EQ(text.number("train.lr", 0.5), 0.5);
  EXPECT_FALSE(text.flag("flip", false));
  EXPECT_TRUE(text.numbers("input.stddev").empty());
}

std::string message(void (*read)(const ConfigText&), const char* text = kText) {
  try {
    read(ConfigText(text, "file"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no exception";
}

TEST(ConfigText, NamesFileAndKeyOfAnotherType) {
  EXPECT_EQ(message([](const ConfigText& t) { t.whole("train.label_smoothing", 0); }),
            "file: configuration key train.label_smoothing: found 0.1, expected a whole number");
  EXPECT_EQ(message([](const ConfigText& t) { t.flag("train.seed", false); }),
            "file: configuration key train.seed: found 42, expected true or false");
  EXPECT_EQ(message([](const ConfigText& t) { t.text("train.seed", ""); }),
            "file: configuration key train.seed: found 42, expected a text in quotes without escapes");
  EXPECT_EQ(message([](const ConfigText& t) { t.numbers("input.class_names"); }),
            "file: configuration key input.class_names: found [\"a\"], expected a list of numbers");
  EXPECT_EQ(message([](const ConfigText& t) { t.number("version", 0); }),
            "file: configuration key version: found \"0.1.0\", expected a number");
}

TEST(ConfigText, RefusesOtherLines) {
  EXPECT_EQ(message([](const ConfigText&) {}, "[a]\nhello\n"),
            "file: configuration line 2: found 'hello', expected [section] or key = value");
}

}  // namespace
}  // namespace subbyte
