// What tensors of a training step live in. The layers' own code runs once without computing, so that every block's size and
// lifetime are known (recording); blocks that never live together then share places in one arena, and the steps follow that
// plan: a block that is not as planned is an error, not a surprise. Without a plan blocks come from the heap and are kept.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/buffer.h"

namespace subbyte {

/// What a block is for. All but streams are kept from forward to backward.
enum class BlockUse { stream, codes, norm_codes, mask, positions };

/// The blocks of one step in the order in which they are taken.
struct StepPlan {
  struct Block {
    BlockUse use = BlockUse::stream;
    int64_t bytes = 0;         ///< slack included
    int birth = 0, death = 0;  ///< the events that take it and give it back
    int64_t offset = 0;
  };
  std::vector<Block> blocks;
  int64_t bytes = 0;            ///< of the arena

  /// The largest sum of blocks of these uses that live at one time.
  int64_t peak(std::initializer_list<BlockUse> uses) const;
  /// Gives every block its place: for several orders, each block at the lowest one that is free during its life; the best.
  void place();
};

class StepMemory {
 public:
  using Memory = std::shared_ptr<Buffer<int16_t>>;
  StepMemory();
  ~StepMemory();
  StepMemory(const StepMemory&) = delete;
  StepMemory& operator=(const StepMemory&) = delete;

  /// `count` elements of a stream; its last owner gives it back.
  Memory take(int64_t count);
  /// Bytes that are kept for backward; the buffer gives them back.
  Buffer<uint8_t> take(BlockUse use, int64_t bytes);

  /// From now on blocks are counted and have no memory.
  void record();
  bool recording() const;
  /// Ends the recording.
  StepPlan recorded();
  /// A step begins: its blocks come from the arena, which grows where it is too small. `plan` outlives the step; null: none.
  void follow(const StepPlan* plan);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // blocks may outlive this
};

}  // namespace subbyte
