#include "nn/integer/step_memory.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>

namespace subbyte {
namespace {

TEST(StepMemory, WithoutAPlanBlocksAreUsedAgainAndOutliveIt) {
  StepMemory::Memory kept;
  {
    StepMemory memory;
    StepMemory::Memory a = memory.take(1000);
    const int16_t* data = a->data();
    StepMemory::Memory b = memory.take(500);
    EXPECT_NE(b->data(), data);
    a.reset();
    EXPECT_EQ(memory.take(800)->data(), data);  // large enough
    EXPECT_NE(memory.take(2000)->data(), data);
    kept = memory.take(1000);
  }
  (*kept)[999] = 5;
}

/// Blocks taken and given back in any order: a sequence of sizes, or of blocks' indices to give back.
struct Script {
  struct Event {
    std::optional<int64_t> take;
    size_t give_back = 0;
  };
  std::vector<Event> events;
};

Script any_script() {
  Script script;
  std::vector<size_t> live;
  size_t taken = 0;
  for (int left = *rc::gen::inRange(1, 60); left > 0; --left) {
    if (!live.empty() && *rc::gen::inRange(0, 5) < 2) {
      const size_t which = size_t(*rc::gen::inRange(0, int(live.size())));
      script.events.push_back({std::nullopt, live[which]});
      live.erase(live.begin() + ptrdiff_t(which));
    } else {
      script.events.push_back({*rc::gen::inRange(1, 5000), 0});
      live.push_back(taken++);
    }
  }
  return script;
}

/// Runs it; `check` sees the live blocks after each event.
template <class Check>
void run(StepMemory& memory, const Script& script, Check check) {
  std::map<size_t, Buffer<uint8_t>> live;
  size_t taken = 0;
  for (const Script::Event& event : script.events) {
    if (event.take) live.emplace(taken++, memory.take(BlockUse::codes, *event.take));
    else live.erase(event.give_back);
    check(live);
  }
}

TEST(StepMemory, BlocksThatLiveTogetherNeverOverlapInTheArena) {
  EXPECT_TRUE(rc::check("any sequence of blocks", [] {
    const Script script = any_script();
    StepMemory memory;
    memory.record();
    run(memory, script, [](const auto&) {});
    const StepPlan plan = memory.recorded();
    int64_t all = 0;
    for (const StepPlan::Block& block : plan.blocks) all += block.bytes;
    RC_ASSERT(plan.peak({BlockUse::codes}) <= plan.bytes);
    RC_ASSERT(plan.bytes <= all);
    for (int step = 0; step < 2; ++step) {
      memory.follow(&plan);
      run(memory, script, [](auto& live) {
        for (auto& [id, buffer] : live) std::fill_n(buffer.data(), buffer.size(), uint8_t(id));
        for (auto& [id, buffer] : live)
          RC_ASSERT(std::all_of(buffer.data(), buffer.data() + buffer.size(), [id = id](uint8_t b) { return b == uint8_t(id); }));
      });
    }
  }));
}

TEST(StepMemory, RefusesWhatWasNotPlanned) {
  StepMemory memory;
  memory.record();
  {
    const StepMemory::Memory a = memory.take(1000);
    const Buffer<uint8_t> b = memory.take(BlockUse::mask, 300);
  }
  const StepMemory::Memory c = memory.take(1000);
  const StepPlan plan = memory.recorded();
  memory.follow(&plan);
  EXPECT_THROW(memory.take(1500), std::logic_error);              // another size
  memory.follow(&plan);
  const StepMemory::Memory a = memory.take(1000);
  EXPECT_THROW(memory.take(BlockUse::codes, 300), std::logic_error);  // another use
  memory.follow(&plan);
  const StepMemory::Memory again = memory.take(1000);
  const Buffer<uint8_t> b = memory.take(BlockUse::mask, 300);
  EXPECT_THROW(memory.take(1000), std::logic_error);              // the first is still there, in its place
  memory.follow(&plan);                                           // a step that was left half-way is forgotten
  EXPECT_NO_THROW(memory.take(1000));
}

}  // namespace
}  // namespace subbyte
