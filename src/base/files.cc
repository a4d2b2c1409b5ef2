#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace subbyte {
namespace {

[[noreturn]] void fail(const std::string& path, const char* action, int error_number) {
  throw Error(path + ": cannot " + action + ": " + system_reason(error_number));
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, const char* action) : path_(path) {
    do fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail(path, action, errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

  void write(const uint8_t* data, size_t size) {
    while (size > 0) {
      const ssize_t written = ::write(fd_, data, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path_, "write", errno);
      data += written;
      size -= static_cast<size_t>(written);
    }
  }

  void sync() {
    // Not every file system can flush (EINVAL); a full disk is reported as EIO, ENOSPC or EDQUOT.
    if (::fsync(fd_) != 0 && errno != EINVAL) fail(path_, "flush", errno);
  }

  void close() {
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0 && errno != EINTR) fail(path_, "close", errno);
  }

 private:
  std::string path_;
  int fd_ = -1;
};

void sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // the file itself is already on the disk
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

std::string system_reason(int error_number) { return std::generic_category().message(error_number); }

std::vector<uint8_t> read_file(const std::string& path) {
  Descriptor file(path, O_RDONLY, "open");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(path, "read", errno);
  if (S_ISDIR(status.st_mode)) fail(path, "read", EISDIR);
  std::vector<uint8_t> bytes(S_ISREG(status.st_mode) ? static_cast<size_t>(status.st_size) : 0);
  size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(bytes.size() + 4096);  // one more read must say "end of file"
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "read", errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::string read_text(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return std::string(bytes.begin(), bytes.end());
}

void write_file(const std::string& path, std::span<const std::span<const uint8_t>> pieces) {
  const std::string partial = path + ".partial";
  try {
    Descriptor file(partial, O_WRONLY | O_CREAT | O_TRUNC, "create");
    for (const auto& bytes : pieces) file.write(bytes.data(), bytes.size());
    file.sync();
    file.close();
    if (::rename(partial.c_str(), path.c_str()) != 0) fail(path, "replace", errno);
  } catch (...) {
    ::unlink(partial.c_str());
    throw;
  }
  sync_folder_of(path);
}

void write_file(const std::string& path, std::span<const uint8_t> bytes) { write_file(path, std::span(&bytes, 1)); }

void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void append_file(const std::string& path, std::string_view text) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND, "open");
  file.write(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  file.close();
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  const bool folder = !error && std::filesystem::is_directory(path, error);
  if (!error && !folder) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw Error(path + ": cannot create the folder: " + error.message());
}

}  // namespace subbyte
