// What the fuzz targets share: choices drawn from the input, a file that holds bytes, and mutation that starts from
// examples, so that no corpus need be stored.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
// Freed memory is kept back for a while, to find its use; inputs are small, and little keeps the fuzzer fast.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=4"; }

namespace subbyte::fuzz {

using Bytes = std::vector<uint8_t>;

/// Aborts, which the fuzzer reports, where a property does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Whether `parse` accepts its input. The only other outcome that is allowed is an Allowed.
template <class Allowed = Error>
bool accepts(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Allowed& error) {
    require(error.what()[0] != '\0');
    return false;
  }
  return true;
}

/// Choices from the front of an input; zeros when it is used up.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  unsigned word() {
    const unsigned high = byte();
    return high << 8 | byte();
  }
  bool flag() { return byte() & 1; }
  unsigned below(unsigned count) { return byte() % count; }
  /// A byte that says how many, then these.
  Bytes some() { return take(byte()); }
  Bytes take(size_t size) {
    const auto part = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(part.size());
    return {part.begin(), part.end()};
  }
  Bytes rest() { return take(bytes_.size()); }

 private:
  std::span<const uint8_t> bytes_;
};

/// A file in memory; it has a path as long as the object lives.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("input", MFD_CLOEXEC)) { require(descriptor_ >= 0); }
  explicit MemoryFile(std::span<const uint8_t> bytes) : MemoryFile() { write(bytes); }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  /// Replaces what is there.
  void write(std::span<const uint8_t> bytes) {
    require(::ftruncate(descriptor_, 0) == 0);
    require(::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  }

 private:
  int descriptor_;
};

/// A source of choices for mutators: libFuzzer gives a seed with every mutation.
class Dice {
 public:
  explicit Dice(unsigned seed) : state_(seed) {}
  /// 0 .. count - 1 (SplitMix64).
  unsigned roll(unsigned count) {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return unsigned((z ^ z >> 31) >> 32) % count;
  }

 private:
  uint64_t state_;
};

/// Bytes as a mutator's result; false, leaving `data`, where they do not fit.
inline bool store(const Bytes& bytes, uint8_t* data, size_t& size, size_t max_size) {
  if (bytes.size() > max_size) return false;
  std::copy(bytes.begin(), bytes.end(), data);
  size = bytes.size();
  return true;
}

/// `part` mutated by libFuzzer, with at most `room` bytes.
inline Bytes mutated(Bytes part, size_t room) {
  const size_t size = part.size(), capacity = std::max(size, std::max<size_t>(room, 1));
  part.resize(capacity);
  part.resize(LLVMFuzzerMutate(part.data(), size, capacity));
  return part;
}

/// libFuzzer's mutations; now and then, and wherever there is nothing yet, an example in place of the input.
inline size_t mutate_or_replace(uint8_t* data, size_t size, size_t max_size, unsigned seed,
                                const std::function<Bytes(Dice&)>& example) {
  Dice dice(seed);
  if ((size < 2 || dice.roll(50) == 0) && store(example(dice), data, size, max_size) && dice.roll(2) == 0) return size;
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // namespace subbyte::fuzz
