// subbyte bench norm: the integer normalization layer, forward and backward, beside the FP32 twin's.
#include <fmt/format.h>

#include <algorithm>

#include "cli/bench/bench.h"
#include "cli/bench/forced_isa.h"
#include "cli/bench/norm_rig.h"

namespace subbyte::bench {
namespace {

constexpr Shape shapes[] = {{32, 32, 16}, {16, 16, 32}, {8, 8, 64}, {56, 56, 64}};

struct Variant {
  const char *name, *key;
  NormKind kind;
  int code_bits;
};
constexpr Variant variants[] = {{"integer L1", "l1", NormKind::l1, 0},
                                {"integer L2", "l2", NormKind::l2, 0},
                                {"L1 to 4 bits", "l1_codes", NormKind::l1, 4}};

void check(Shape shape, const Variant& variant, int threads) {
  const auto run = [&](Isa isa, int count) {
    const ForcedIsa forced(isa);
    auto rig = std::make_unique<NormRig>(shape, 2, variant.kind, variant.code_bits, count);
    rig->forward(), rig->backward();
    return rig;
  };
  run(selected_isa(), threads)->require_same(*run(Isa::scalar, 1));
}

/// A row of the table, and its JSON; bytes an element.
Json line(const char* name, const char* pass, const Timing& time, double bytes, int64_t elements, double stream) {
  const double gbytes = bytes * double(elements) / time.median / 1e9;
  fmt::print("  {:<16}{:<10}{:>10.3f} ms{:>10.1f} GB/s{:>6.0f}% of a pass   {:.3f} to {:.3f} ms\n", name, pass,
             1e3 * time.median, gbytes, 100 * gbytes / stream, 1e3 * time.min, 1e3 * time.max);
  return {{"seconds", {{"min", time.min}, {"median", time.median}, {"max", time.max}}},
          {"gbytes_per_second", gbytes},
          {"share_of_stream", gbytes / stream}};
}

}  // namespace

Json run_norm(const Args& args) {
  const int threads = thread_count(args), batch = int(args.batch);
  const int runs = args.steps > 0 ? int(args.steps) : 10;
  const double seconds = args.steps > 0 ? 0 : 0.1;
  for (const Shape& shape : shapes)
    for (const Variant& variant : variants) check(shape, variant, threads);
  fmt::print("check: equal bytes with {} on {} threads and scalar kernels on 1\n", isa_name(selected_isa()), threads);
  fmt::print("batch {}, {} threads; times are medians; GB/s count what the passes read and write\n", batch, threads);

  ThreadPool pool(threads);
  Json json = {{"batch", batch}, {"check", "equal bytes with the scalar kernels"}, {"shapes", Json::array()}};
  for (const Shape& shape : shapes) {
    const int64_t elements = int64_t(shape.elements()) * batch, set = std::max<int64_t>(elements * 4 / threads, 4096);
    const double stream = stream_gbytes(pool, peak_kernels(selected_isa()), set);
    fmt::print("\n[{}][{}][{}][{}]: a plain pass over {:.1f} MiB a thread {:.1f} GB/s\n", batch, shape.h, shape.w, shape.c,
               double(set) / (1 << 20), stream);
    Json entry = {{"shape", {shape.h, shape.w, shape.c}}, {"stream_gbytes", stream}};
    for (const Variant& v : variants) {
      NormRig rig(shape, batch, v.kind, v.code_bits, threads);
      rig.forward(), rig.backward();
      const Timing forward = timed(runs, seconds, [&] { rig.forward(); });
      const Timing backward = timed(runs, seconds, [&] { rig.backward(); });
      entry[v.key] = {{"forward", line(v.name, "forward", forward, rig.forward_bytes(), elements, stream)},
                      {"backward", line(v.name, "backward", backward, NormRig::backward_bytes, elements, stream)}};
    }
#ifdef SUBBYTE_WITH_FLOAT
    const TwinTimes twin = time_twin(elements / shape.c, shape.c, pool, runs, seconds);
    entry["fp32_l2"] = {{"forward", line("FP32 L2 (twin)", "forward", twin.forward, twin_forward_bytes, elements, stream)},
                        {"backward", line("FP32 L2 (twin)", "backward", twin.backward, twin_backward_bytes, elements, stream)}};
#endif
    json["shapes"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace subbyte::bench
