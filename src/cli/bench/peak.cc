// subbyte bench peak: the measured limits of the machine, one thread alone and all at once.
#include <fmt/format.h>

#include "base/isa.h"
#include "cli/bench/bench.h"
#include "cli/bench/measure.h"

namespace subbyte::bench {
namespace {

struct NamedLoop {
  const char* name;
  PeakLoop loop;
};

/// Working sets of a thread, read and written halves together: first-level, second-level and shared cache, memory.
struct WorkingSet {
  const char* name;
  int64_t bytes;
};
constexpr WorkingSet sets[] = {{"32 KiB", 1 << 15}, {"512 KiB", 1 << 19}, {"4 MiB", 1 << 22}, {"256 MiB", 1 << 28}};

}  // namespace

Json run_peak(const Args& args) {
  const Isa isa = selected_isa();
  const PeakKernels& kernels = peak_kernels(isa);
  ThreadPool one(1), all(thread_count(args));
  const auto both = [&](const auto& rate) {
    const double alone = rate(one);
    return std::pair(alone, all.size() == 1 ? alone : rate(all));
  };
  const auto column = [&](const std::string& text) { return all.size() > 1 ? fmt::format("{:>12}", text) : ""; };
  const auto number = [](double value) { return fmt::format("{:.1f}", value); };
  const std::string threads = column(fmt::format("{} threads", all.size()));
  fmt::print("{}: best of repetitions of 2.5 ms, sums checked\n\n", isa_name(isa));
  fmt::print("{:<34}{:>12}{}  {:>8}\n", "GMAC/s", "1 thread", threads, "of int8");
  Json json = {{"loops", Json::array()}, {"memory", Json::array()}};
  double int8 = 0;
  for (const auto& [name, loop] : {NamedLoop{"int8", kernels.dot8}, NamedLoop{"int16", kernels.dot16},
                                   NamedLoop{"bf16", kernels.bf16}, NamedLoop{"fp32", kernels.fp32}}) {
    const auto [alone, together] = both([&loop = loop](ThreadPool& pool) { return loop_gmacs(pool, loop); });
    if (alone == 0) continue;
    if (int8 == 0) int8 = together;
    fmt::print("{:<6}{:<28}{:>12.1f}{}  {:>7.0f}%\n", name, loop.instruction, alone, column(number(together)),
               100 * together / int8);
    json["loops"].push_back(
        {{"name", name}, {"instruction", loop.instruction}, {"gmacs_one_thread", alone}, {"gmacs", together}});
  }
  fmt::print("\n{:<34}{:>12}{}\n", "GB/s read + written, a pass of", "1 thread", threads);
  for (const auto& [name, bytes] : sets) {
    const auto [alone, together] = both([&, bytes = bytes](ThreadPool& pool) { return stream_gbytes(pool, kernels, bytes); });
    fmt::print("{:<34}{:>12.1f}{}\n", fmt::format("{} a thread", name), alone, column(number(together)));
    json["memory"].push_back({{"bytes_a_thread", bytes}, {"gbytes_one_thread", alone}, {"gbytes", together}});
  }
  return json;
}

}  // namespace subbyte::bench
