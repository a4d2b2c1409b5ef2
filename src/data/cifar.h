// CIFAR-10 and CIFAR-100 in the binary format: records of label bytes and then three 32x32 planes (red, green, blue).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/memory_dataset.h"

namespace subbyte {

enum class Cifar { ten, hundred };

inline constexpr int kCifarSide = 32;

constexpr int cifar_classes(Cifar kind) { return kind == Cifar::ten ? 10 : 100; }
/// One label byte, or a coarse and a fine one, and the planes.
constexpr size_t cifar_record(Cifar kind) { return (kind == Cifar::ten ? 1 : 2) + size_t{3} * kCifarSide * kCifarSide; }

/// Appends the records of one file to `images`, planes turned into [32][32][3]; CIFAR-100 gives the fine labels.
/// Throws Error naming `file` for a size that is no whole number of records or a label out of range.
void parse_cifar(std::span<const uint8_t> bytes, const std::string& file, Cifar kind, LabelledImages& images);

/// The names of a meta file (one a line, blank lines at the end are ignored). Throws Error where they are not one a class.
std::vector<std::string> parse_cifar_names(std::string_view text, const std::string& file, Cifar kind);

const std::vector<std::string>& cifar_names(Cifar kind);

}  // namespace subbyte
