#include "cli/plot/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "cli/plot/figure.h"

extern char** environ;

namespace subbyte {
namespace {

/// Owns a descriptor.
class Handle {
 public:
  explicit Handle(int fd = -1) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& program, const char* action, int error_number) {
  throw Error(fmt::format("{}: cannot {}: {}", program, action, system_reason(error_number)));
}

/// A file in memory, read from its start.
Handle memory_file(const std::string& program, const std::string& text) {
  Handle file(memfd_create("gnuplot", MFD_CLOEXEC));
  if (file.get() < 0) fail(program, "start", errno);
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file.get(), text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) fail(program, "pass the script", errno);
    if (written > 0) done += size_t(written);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string read_all(const std::string& program, int fd) {
  std::string text;
  char block[65536];
  for (;;) {
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(program, "read the picture", errno);
    if (got == 0) return text;
    text.append(block, size_t(got));
  }
}

/// gnuplot repeats the line of the script and points into it with a caret, then says what is wrong.
std::string first_message(const std::string& errors) {
  std::istringstream lines(errors);
  std::string last = "it says no more";
  bool pointed = false;
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) continue;
    last = line;
    if (pointed) break;
    pointed = line == "^";
  }
  return last;
}

pid_t spawn(const std::string& program, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  // No settings of the user's: a figure depends on its data alone.
  std::string name = program, plain = "--default-settings";
  char* arguments[] = {name.data(), plain.data(), nullptr};
  pid_t child = -1;
  const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    throw Error(fmt::format("{}: not found, and figures need it: install the Debian package gnuplot-nox", program));
  if (error != 0) fail(program, "start", error);
  return child;
}

int exit_code(const std::string& program, pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(program, "wait", errno);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string run_gnuplot(const std::string& script, const std::string& program) {
  const Handle in = memory_file(program, script), err = memory_file(program, "");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(program, "start", errno);
  const Handle out(ends[0]);
  Handle child_end(ends[1]);
  const pid_t child = spawn(program, in.get(), child_end.get(), err.get());
  child_end.close();  // the picture ends when the child's is the last one
  const std::string picture = read_all(program, out.get());
  const int code = exit_code(program, child);
  ::lseek(err.get(), 0, SEEK_SET);
  const std::string errors = read_all(program, err.get());
  if (code != 0) throw Error(fmt::format("{}: exit code {}: {}", program, code, first_message(errors)));
  if (picture.empty()) throw Error(fmt::format("{}: no picture: {}", program, first_message(errors)));
  return picture;
}

bool have_gnuplot() {
  try {
    return !run_gnuplot("set print '-'\nprint 1\n").empty();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace subbyte
