#include "nn/integer/step_memory.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

namespace subbyte {
namespace {

constexpr int64_t line = int64_t(buffer_alignment);

int64_t whole_lines(int64_t bytes) { return (bytes + line - 1) / line * line; }

bool live_together(const StepPlan::Block& a, const StepPlan::Block& b) { return a.birth < b.death && b.birth < a.death; }

/// Places blocks in this order; returns the arena's size.
int64_t place_in_order(std::vector<StepPlan::Block>& blocks, const std::vector<size_t>& order) {
  int64_t size = 0;
  std::vector<size_t> placed;  // by offset
  for (const size_t i : order) {
    int64_t offset = 0;
    for (const size_t other : placed) {
      const StepPlan::Block& b = blocks[other];
      if (!live_together(blocks[i], b)) continue;
      if (offset + blocks[i].bytes <= b.offset) break;
      offset = std::max(offset, b.offset + b.bytes);
    }
    blocks[i].offset = offset;
    size = std::max(size, offset + blocks[i].bytes);
    const auto later = [&](size_t a, size_t b) { return blocks[a].offset < blocks[b].offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i, later), i);
  }
  return size;
}

}  // namespace

int64_t StepPlan::peak(std::initializer_list<BlockUse> uses) const {
  std::map<int, int64_t> change;
  for (const Block& b : blocks)
    if (std::find(uses.begin(), uses.end(), b.use) != uses.end()) change[b.birth] += b.bytes, change[b.death] -= b.bytes;
  int64_t now = 0, most = 0;
  for (const auto& [event, bytes] : change) most = std::max(most, now += bytes);
  return most;
}

void StepPlan::place() {
  std::vector<size_t> order(blocks.size());
  std::vector<Block> best;
  const auto attempt = [&](auto before) {
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return before(blocks[a], blocks[b]); });
    const int64_t size = place_in_order(blocks, order);
    if (!best.empty() && size >= bytes) return;
    best = blocks;
    bytes = size;
  };
  attempt([](const Block& a, const Block& b) { return a.bytes > b.bytes; });
  attempt([](const Block& a, const Block& b) { return a.death - a.birth > b.death - b.birth; });
  attempt([](const Block& a, const Block& b) { return a.birth < b.birth; });
  blocks = std::move(best);
}

struct StepMemory::Impl {
  bool recording = false;
  const StepPlan* plan = nullptr;
  StepPlan record;
  int events = 0;               // of the recording
  size_t next = 0;              // block of the plan
  uint64_t step = 0;            // what was taken in an earlier one is forgotten
  std::vector<size_t> live;     // blocks of the plan
  Buffer<uint8_t> arena;
  std::multimap<int64_t, std::unique_ptr<Buffer<uint8_t>>> unused;  // without a plan, by size

  struct Lease {
    void* memory = nullptr;
    std::shared_ptr<void> lender;
  };

  static Lease lend(const std::shared_ptr<Impl>& self, BlockUse use, int64_t bytes) {
    bytes = whole_lines(bytes + int64_t(Buffer<uint8_t>::slack));
    if (self->recording) return self->lend_record(self, use, bytes);
    return self->plan ? self->lend_planned(self, use, bytes) : self->lend_kept(self, bytes);
  }

  Lease lend_record(const std::shared_ptr<Impl>& self, BlockUse use, int64_t bytes) {
    const size_t index = record.blocks.size();
    record.blocks.push_back({use, bytes, events++, INT32_MAX, 0});
    return {nullptr, std::shared_ptr<void>(this, [self, index, mine = step](void*) {
              if (self->recording && mine == self->step) self->record.blocks[index].death = self->events++;
            })};
  }

  Lease lend_planned(const std::shared_ptr<Impl>& self, BlockUse use, int64_t bytes) {
    const size_t index = next++;
    if (index >= plan->blocks.size()) throw std::logic_error("step memory: more blocks than planned");
    const StepPlan::Block& block = plan->blocks[index];
    if (block.use != use || block.bytes != bytes)
      throw std::logic_error("step memory: block " + std::to_string(index) + " has " + std::to_string(bytes) +
                             " bytes, planned were " + std::to_string(block.bytes));
    for (const size_t other : live)
      if (block.offset < plan->blocks[other].offset + plan->blocks[other].bytes &&
          plan->blocks[other].offset < block.offset + block.bytes)
        throw std::logic_error("step memory: block " + std::to_string(other) + " lives longer than planned");
    live.push_back(index);
    return {arena.data() + block.offset, std::shared_ptr<void>(this, [self, index, mine = step](void*) {
              if (mine == self->step) std::erase(self->live, index);
            })};
  }

  /// The smallest that is large enough; of equals the one that was given back last, which the caches may still hold.
  Lease lend_kept(const std::shared_ptr<Impl>& self, int64_t bytes) {
    std::unique_ptr<Buffer<uint8_t>> memory;
    if (auto fit = unused.lower_bound(bytes); fit != unused.end()) {
      fit = std::prev(unused.upper_bound(fit->first));
      memory = std::move(fit->second);
      unused.erase(fit);
    } else {
      memory = std::make_unique<Buffer<uint8_t>>(size_t(bytes));
    }
    Buffer<uint8_t>* buffer = memory.release();
    return {buffer->data(), std::shared_ptr<void>(buffer, [self](void* done) {
              std::unique_ptr<Buffer<uint8_t>> back(static_cast<Buffer<uint8_t>*>(done));
              const int64_t size = int64_t(back->size());
              self->unused.emplace(size, std::move(back));
            })};
  }
};

StepMemory::StepMemory() : impl_(std::make_shared<Impl>()) {}
StepMemory::~StepMemory() = default;

StepMemory::Memory StepMemory::take(int64_t count) {
  Impl::Lease lease = Impl::lend(impl_, BlockUse::stream, count * int64_t(sizeof(int16_t)));
  return std::make_shared<Buffer<int16_t>>(static_cast<int16_t*>(lease.memory), size_t(count), std::move(lease.lender));
}

Buffer<uint8_t> StepMemory::take(BlockUse use, int64_t bytes) {
  Impl::Lease lease = Impl::lend(impl_, use, bytes);
  return Buffer<uint8_t>(static_cast<uint8_t*>(lease.memory), size_t(bytes), std::move(lease.lender));
}

void StepMemory::record() {
  ++impl_->step;
  impl_->record = {};
  impl_->events = 0;
  impl_->recording = true;
}

bool StepMemory::recording() const { return impl_->recording; }

StepPlan StepMemory::recorded() {
  impl_->recording = false;
  StepPlan plan = std::move(impl_->record);
  for (StepPlan::Block& block : plan.blocks) block.death = std::min(block.death, impl_->events);
  plan.place();
  return plan;
}

void StepMemory::follow(const StepPlan* plan) {
  Impl& m = *impl_;
  ++m.step;
  m.live.clear();
  m.next = 0;
  m.plan = plan;
  if (plan) m.arena.resize(size_t(plan->bytes));
}

}  // namespace subbyte
