// For tests of the built program: a scratch folder with a small IDX data set, and runs of `subbyte` in it.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/philox.h"

namespace subbyte {

struct Outcome {
  int code = -1;  ///< exit code, or 128 + signal
  std::string out, err;
};

class ProgramTest : public testing::Test {
 protected:
  static constexpr int kSide = 8, kTrain = 200, kTest = 50, kClasses = 10;
  using Strings = std::vector<std::string>;

  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-program-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    write_data(path("data"));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string path(const std::string& name) const { return root_ + "/" + name; }

  /// An image of class c is noise with a bright bar that stands in row c / 2, left or right.
  static std::vector<uint8_t> image(uint32_t record) {
    std::vector<uint8_t> pixels(kSide * kSide);
    for (uint32_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(philox({1, 2}, {record, i, 0, 0})[0] % 80);
    const int label = int(record % kClasses);
    for (int i = 0; i < kSide / 2; ++i) pixels[size_t(label / 2 * kSide + label % 2 * (kSide / 2) + i)] = 230;
    return pixels;
  }

  static std::string big_endian(uint32_t value) {
    return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
  }

  void write_data(const std::string& folder) {
    make_folder(folder);
    uint32_t record = 0;
    for (const auto& [part, count] : {std::pair("train", kTrain), std::pair("t10k", kTest)}) {
      std::string images = big_endian(0x803) + big_endian(uint32_t(count)) + big_endian(kSide) + big_endian(kSide);
      std::string labels = big_endian(0x801) + big_endian(uint32_t(count));
      for (int i = 0; i < count; ++i, ++record) {
        const std::vector<uint8_t> pixels = image(record);
        images.append(pixels.begin(), pixels.end());
        labels += char(record % kClasses);
      }
      write_file(folder + "/" + part + "-images-idx3-ubyte", images);
      write_file(folder + "/" + part + "-labels-idx1-ubyte", labels);
    }
  }

  /// Starts the program; `file_limit` bytes a file at most, 0 for no limit.
  pid_t start(const Strings& arguments, rlim_t file_limit = 0) {
    const pid_t child = fork();
    if (child != 0) return child;
    const int out = open(path("stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    const int err = open(path("stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(out, 1);
    dup2(err, 2);
    if (chdir(root_.c_str()) != 0) _exit(126);
    if (file_limit > 0) {
      const rlimit limit{file_limit, file_limit};
      setrlimit(RLIMIT_FSIZE, &limit);
    }
    std::vector<char*> argv = {const_cast<char*>(SUBBYTE_PROGRAM)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(SUBBYTE_PROGRAM, argv.data());
    _exit(127);
  }

  Outcome finish(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(path("stdout")),
                    read_text(path("stderr"))};
    return outcome;
  }

  Outcome subbyte(const Strings& arguments, rlim_t file_limit = 0) { return finish(start(arguments, file_limit)); }

  /// Arguments of a short training run into root/`out`.
  Strings train(const std::string& out, const Strings& more = {}) const {
    Strings arguments = {"train",   "--model", "mlp",     "--data", "mnist", "--data-dir", path("data"), "--format",
        "w4a4g4",
                         "--epochs", "2",      "--batch", "20",     "--lr",  "0.05",       "--threads",  "1",
                             "--out",
                         path(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  void expect_good(const Outcome& outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }

  /// One line on standard error that holds all of `texts`, nothing on standard output.
  void expect_error(const Outcome& outcome, int code, const Strings& texts) {
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    expect_one_line(outcome, texts);
  }
  void expect_one_line(const Outcome& outcome, const Strings& texts) {
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.err.rfind("subbyte: ", 0), 0u) << outcome.err;
    for (const std::string& text : texts) EXPECT_NE(outcome.err.find(text), std::string::npos) << text << "\nin " <<
        outcome.err;
  }

  std::set<std::string> files(const std::string& folder) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(folder))) names.insert(entry.path().filename());
    return names;
  }

  std::vector<nlohmann::json> metrics(const std::string& run) const {
    std::istringstream lines(read_text(path(run + "/metrics.jsonl")));
    std::vector<nlohmann::json> result;
    for (std::string line; std::getline(lines, line);) result.push_back(nlohmann::json::parse(line));
    return result;
  }

  std::vector<uint8_t> checkpoint(const std::string& run) const { return read_file(path(run + "/last.safetensors")); }

  std::string root_;
};

}  // namespace subbyte
