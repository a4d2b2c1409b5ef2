#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"

namespace subbyte {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 31;  // of all members together; CIFAR has 176 MiB
constexpr int64_t kMostReserved = int64_t{1} << 26;
constexpr size_t kBlock = size_t{1} << 17;

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), reader_(archive_read_new()) {
    archive_read_support_filter_gzip(reader_.get());
    archive_read_support_format_tar(reader_.get());
    if (archive_read_open_filename(reader_.get(), path.c_str(), kBlock) != ARCHIVE_OK) fail();
  }

  /// False at the end. The size of what comes next is checked before any of it is unpacked.
  bool next() {
    const int code = archive_read_next_header(reader_.get(), &entry_);
    if (code == ARCHIVE_EOF) return false;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail();
    const int64_t size = archive_entry_size(entry_);
    if (size < 0 || size > kMaxBytes - total_)
      throw Error(fmt::format("{}: found members of more than {} bytes together, expected at most that", path_, kMaxBytes));
    total_ += size;
    return true;
  }

  bool is_file() const { return archive_entry_filetype(entry_) == AE_IFREG; }

  std::string name() const {
    const char* path = archive_entry_pathname(entry_);
    const std::string text = path != nullptr ? path : "";
    return text.substr(text.rfind('/') + 1);
  }

  std::vector<uint8_t> bytes() {
    // Grows with what is there: a damaged header may claim more. Room for what an honest one says is made at once, so that
    // growing leaves no pieces of memory behind.
    std::vector<uint8_t> bytes;
    bytes.reserve(size_t(std::clamp<int64_t>(archive_entry_size(entry_), 0, kMostReserved)) + kBlock);
    for (;;) {
      const size_t old = bytes.size();
      bytes.resize(old + kBlock);
      const la_ssize_t got = archive_read_data(reader_.get(), bytes.data() + old, kBlock);
      if (got < 0) fail();
      bytes.resize(old + size_t(got));
      if (got == 0) return bytes;
    }
  }

 private:
  [[noreturn]] void fail() const {
    const char* reason = archive_error_string(reader_.get());
    throw Error(fmt::format("{}: cannot read, expected a whole .tar.gz archive: {}", path_,
                            reason != nullptr ? reason : "unknown reason"));
  }

  std::string path_;
  std::unique_ptr<archive, Free> reader_;
  archive_entry* entry_ = nullptr;
  int64_t total_ = 0;
};

}  // namespace

void read_archive(const std::string& path, std::span<const std::string> names,
                  const std::function<void(const std::string& name, std::vector<uint8_t> bytes)>& take) {
  std::set<std::string> missing(names.begin(), names.end());
  Reader reader(path);
  while (!missing.empty() && reader.next()) {
    const std::string name = reader.name();
    if (reader.is_file() && missing.erase(name) != 0) take(name, reader.bytes());
  }
}

}  // namespace subbyte
