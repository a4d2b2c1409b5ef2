#include "data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {
namespace {

constexpr size_t kChunk = size_t{1} << 20;

struct Close {
  void operator()(gzFile file) const { gzclose(file); }
};

[[noreturn]] void fail(gzFile file, const std::string& path) {
  int code = Z_OK;
  const char* text = gzerror(file, &code);
  if (code == Z_ERRNO) throw Error(path + ": cannot read: " + system_reason(errno));
  const std::string prefix = path + ": ";
  std::string reason = text != nullptr ? text : "";
  if (reason.rfind(prefix, 0) == 0) reason.erase(0, prefix.size());
  throw Error(fmt::format("{}: found truncated or damaged gzip data ({}), expected a whole gzip file", path, reason));
}

}  // namespace

std::vector<uint8_t> read_plain_or_gzip(const std::string& path, uint64_t limit) {
  errno = 0;
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rbe"));
  if (!file) throw Error(path + ": cannot open: " + system_reason(errno != 0 ? errno : ENOMEM));
  gzbuffer(file.get(), 1u << 17);
  std::vector<uint8_t> bytes;
  while (bytes.size() < limit) {
    const size_t old = bytes.size(), want = size_t(std::min<uint64_t>(kChunk, limit - old));
    bytes.resize(old + want);
    const int got = gzread(file.get(), bytes.data() + old, unsigned(want));
    if (got < 0) fail(file.get(), path);
    bytes.resize(old + size_t(got));
    if (size_t(got) == want) continue;
    int code = Z_OK;
    gzerror(file.get(), &code);
    if (code != Z_OK) fail(file.get(), path);  // the compressed data end too early
    break;
  }
  return bytes;
}

}  // namespace subbyte
