#include "base/files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"

namespace subbyte {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  size_t entries() const {
    return size_t(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}));
  }
  std::string error_of(const std::function<void()>& action) const {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string folder_;
};

TEST_F(Files, WriteReplacesAndLeavesNothingElse) {
  const std::string path = folder_ + "/a";
  write_file(path, "one");
  write_file(path, "two, longer");
  EXPECT_EQ(read_text(path), "two, longer");
  write_file(path, "");
  EXPECT_EQ(read_text(path), "");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, AppendAndFolders) {
  make_folder(folder_ + "/x/y");
  make_folder(folder_ + "/x/y");
  append_file(folder_ + "/x/y/log", "1\n");
  append_file(folder_ + "/x/y/log", "2\n");
  EXPECT_EQ(read_text(folder_ + "/x/y/log"), "1\n2\n");
}

TEST_F(Files, ErrorsNamePathAndReason) {
  EXPECT_EQ(error_of([&] { read_file(folder_ + "/none"); }), folder_ + "/none: cannot open: No such file or directory");
  EXPECT_EQ(error_of([&] { read_file(folder_); }), folder_ + ": cannot read: Is a directory");
  write_file(folder_ + "/file", "x");
  EXPECT_EQ(error_of([&] { make_folder(folder_ + "/file/sub"); }),
            folder_ + "/file/sub: cannot create the folder: Not a directory");
  EXPECT_NE(error_of([&] { make_folder(folder_ + "/file"); }), "");
  EXPECT_NE(error_of([&] { write_file(folder_ + "/none/x", "x"); }).find("No such file or directory"),
      std::string::npos);
}

TEST_F(Files, TargetThatCannotBeReplacedLeavesNothingPartial) {
  make_folder(folder_ + "/full/inside");
  EXPECT_NE(error_of([&] { write_file(folder_ + "/full", "x"); }).find("cannot replace"), std::string::npos);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, FullDiskKeepsTheOldFile) {
  const std::string path = folder_ + "/a";
  write_file(path, "old");
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = error_of([&] { write_file(path, std::string(5000, 'x')); });
    _exit(message.find("File too large") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(entries(), 1u);
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_NE(error_of([] { append_file("/dev/full", "x"); }).find("No space left on device"), std::string::npos);
  }
}

}  // namespace
}  // namespace subbyte
