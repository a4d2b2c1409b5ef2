// Questions about folders whose answer is no, or an Error, where the system refuses one.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace subbyte {

bool path_exists(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

/// Names of the folders, or of the files, in `folder`, sorted bytewise; hidden ones are left out. Throws Error.
std::vector<std::string> folders_in(const std::filesystem::path& folder);
std::vector<std::string> files_in(const std::filesystem::path& folder);

}  // namespace subbyte
