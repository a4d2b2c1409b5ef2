// Members of a .tar or .tar.gz file.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace subbyte {

/// The members whose file names (folders left out) are among `names`, by file name; the first of each name counts.
/// Throws Error naming the path for a file that is missing, no such archive, truncated or damaged, and for one that
/// unpacks to more than 2 GiB.
std::map<std::string, std::vector<uint8_t>> read_archive(const std::string& path, std::span<const std::string> names);

}  // namespace subbyte
