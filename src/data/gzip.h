// Plain or gzip-compressed files, read alike.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace subbyte {

/// At most `limit` unpacked bytes from the start of the file; a file that is not gzip is read as it is.
/// Reading stops there, so a small file that unpacks to a huge one costs no more than `limit` bytes of memory.
/// Throws Error naming the path where the file cannot be read or its gzip data are truncated or damaged.
std::vector<uint8_t> read_plain_or_gzip(const std::string& path, uint64_t limit);

}  // namespace subbyte
