// Members of a .tar or .tar.gz file.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace subbyte {

/// Gives `take` the members whose file names (folders left out) are among `names`, one at a time, in the archive's order; the
/// first of each name counts.
/// Throws Error naming the path for a file that is missing, no such archive, truncated or damaged, and for one that
/// unpacks to more than 2 GiB.
void read_archive(const std::string& path, std::span<const std::string> names,
                  const std::function<void(const std::string& name, std::vector<uint8_t> bytes)>& take);

}  // namespace subbyte
