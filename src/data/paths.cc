#include "data/paths.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace subbyte {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    std::string name = entry->path().filename().string();
    const bool wanted = folders ? is_folder(entry->path()) : !is_folder(entry->path());
    if (wanted && name.front() != '.') names.push_back(std::move(name));
    entry.increment(error);
  }
  if (error) throw Error(folder.string() + ": cannot list the folder: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool path_exists(const fs::path& path) {
  std::error_code refused;
  return fs::exists(path, refused);
}

bool is_folder(const fs::path& path) {
  std::error_code refused;
  return fs::is_directory(path, refused);
}

std::vector<std::string> folders_in(const fs::path& folder) { return names_in(folder, true); }
std::vector<std::string> files_in(const fs::path& folder) { return names_in(folder, false); }

}  // namespace subbyte
