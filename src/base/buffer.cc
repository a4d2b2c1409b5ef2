#include "base/buffer.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace subbyte {
namespace {

std::atomic<int64_t> current_bytes{0}, peak_bytes{0};

void count(int64_t bytes) {
  const int64_t now = current_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t peak = peak_bytes.load(std::memory_order_relaxed);
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

#ifdef __linux__
// A step streams through tens of megabytes: with pages of 4 KiB their translation costs more than some kernels.
constexpr size_t huge_page = size_t{1} << 21, page = size_t{1} << 16;  // page: a multiple of every system's

bool is_large(size_t bytes) { return bytes >= huge_page; }
size_t whole_pages(size_t bytes) { return (bytes + page - 1) / page * page; }

/// Straight from the system and, on release, straight back to it: malloc would keep holes of such sizes. The pages are
/// zero, and take room only once they are written. Begins at a huge page.
void* map_zeroed(size_t bytes) {
  const size_t wanted = whole_pages(bytes);
  void* found = mmap(nullptr, wanted + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
  const auto start = reinterpret_cast<uintptr_t>(found), begin = (start + huge_page - 1) / huge_page * huge_page;
  if (begin > start) munmap(found, begin - start);
  if (start + huge_page > begin) munmap(reinterpret_cast<void*>(begin + wanted), start + huge_page - begin);
  madvise(reinterpret_cast<void*>(begin), wanted, MADV_HUGEPAGE);
  return reinterpret_cast<void*>(begin);
}
#endif

}  // namespace

void* allocate_zeroed(size_t bytes) {
#ifdef __linux__
  if (is_large(bytes)) {
    void* memory = map_zeroed(bytes);
    count(int64_t(bytes));
    return memory;
  }
#endif
  void* memory = std::aligned_alloc(buffer_alignment, (bytes + buffer_alignment - 1) / buffer_alignment * buffer_alignment);
  if (!memory) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  count(int64_t(bytes));
  return memory;
}

void release(void* memory, size_t bytes) {
  if (!memory) return;
  count(-int64_t(bytes));
#ifdef __linux__
  if (is_large(bytes)) {
    munmap(memory, whole_pages(bytes));
    return;
  }
#endif
  std::free(memory);
}

BufferBytes buffer_bytes() { return {current_bytes.load(), peak_bytes.load()}; }

void reset_buffer_peak() { peak_bytes.store(current_bytes.load()); }

}  // namespace subbyte
