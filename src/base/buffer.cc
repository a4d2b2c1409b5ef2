#include "base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace subbyte {

void* allocate_zeroed(size_t bytes) {
  // A step streams through tens of megabytes: with pages of 4 KiB their translation costs more than some kernels.
  constexpr size_t huge_page = size_t{1} << 21;
  const bool huge = bytes >= huge_page;
  const size_t alignment = huge ? huge_page : buffer_alignment;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
#ifdef __linux__
  if (huge) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  std::memset(memory, 0, bytes);
  return memory;
}

void release(void* memory) { std::free(memory); }

}  // namespace subbyte
