// Element types of the twin's tensors, and memory for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace subbyte::twin {

enum class ElementType { f32, bf16 };

inline size_t element_size(ElementType type) { return type == ElementType::f32 ? 4 : 2; }

/// Blocks of 64-byte aligned memory, lent while a plan is laid out and kept as long as the arena: a block given back is
/// lent again to a later tensor of that size, whose lifetime in execution order then does not overlap.
class Arena {
 public:
  using Handle = std::shared_ptr<void>;
  Handle take(size_t bytes);

 private:
  struct Free {
    void operator()(void* block) const;
  };
  // Shared with the handles, which may outlive the arena's own reference during destruction.
  struct Blocks {
    std::vector<std::unique_ptr<void, Free>> all;
    std::multimap<size_t, void*> unused;
  };
  std::shared_ptr<Blocks> blocks_ = std::make_shared<Blocks>();
};

}  // namespace subbyte::twin
