#include <cstdlib>
#include <new>

#include "nn/float/element.h"

namespace subbyte::twin {

void Arena::Free::operator()(void* block) const { std::free(block); }

Arena::Handle Arena::take(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  void* block = nullptr;
  if (const auto found = blocks_->unused.find(bytes); found != blocks_->unused.end()) {
    block = found->second;
    blocks_->unused.erase(found);
  } else {
    block = std::aligned_alloc(64, bytes);
    if (!block) throw std::bad_alloc();
    blocks_->all.emplace_back(block);
  }
  return Handle(block, [blocks = blocks_, bytes](void* free) { blocks->unused.emplace(bytes, free); });
}

}  // namespace subbyte::twin
