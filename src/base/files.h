// Files that are either complete or not there: readers never meet half of one, whatever stopped the writer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

/// Throws Error naming the path and the system's reason.
std::vector<uint8_t> read_file(const std::string& path);
std::string read_text(const std::string& path);

/// Writes "<path>.partial", flushes it to the disk and renames it to `path`.
/// Throws Error (a full disk, no permission); an older file at `path` then stays as it was and nothing partial is left.
void write_file(const std::string& path, std::span<const uint8_t> bytes);
void write_file(const std::string& path, std::string_view text);
/// Several pieces, one behind the other.
void write_file(const std::string& path, std::span<const std::span<const uint8_t>> pieces);

/// Appends to a log; opened and closed on every call. Throws Error.
void append_file(const std::string& path, std::string_view text);

/// Creates the folder and those above it where missing. Throws Error.
void make_folder(const std::string& path);

/// "No space left on device" of an errno value.
std::string system_reason(int error_number);

}  // namespace subbyte
