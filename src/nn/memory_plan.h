// What a network will hold in memory, known from shapes before anything is allocated.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace subbyte {

struct MemoryItem {
  std::string key;         ///< "saved_codes"; of `subbyte train --dry-run --json`
  std::string text;
  int64_t bytes = 0;
  bool is_part = false;    ///< explains the item before it, and is not added to the total
};
using MemoryPlan = std::vector<MemoryItem>;

inline int64_t total_bytes(const MemoryPlan& plan) {
  int64_t bytes = 0;
  for (const MemoryItem& item : plan) bytes += item.is_part ? 0 : item.bytes;
  return bytes;
}

}  // namespace subbyte
