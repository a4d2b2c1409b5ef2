// subbyte bench WHAT: what the benchmarks share. Each checks its answer before it prints any speed, prints readable lines,
// and returns what --json writes.
#pragma once
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

#include "cli/settings.h"
#include "quant/format.h"

namespace subbyte::bench {

using Json = nlohmann::ordered_json;

struct Args {
  std::string what, model = "resnet20", format = "w4a4g4", norm = "l1", json;
  int64_t batch = 128, size = 0, classes = 10, threads = 0, steps = 0;  ///< 0: the benchmark's default
  bool batch_given = false, profile = false;
};

/// Pixels of a side where --size is not given.
inline constexpr int64_t default_size = 32;

Json run_peak(const Args& args);
Json run_products(const Args& args);
Json run_norm(const Args& args);
Json run_quantize(const Args& args);
Json run_step(const Args& args);

int thread_count(const Args& args);

/// Throws UsageError naming the benchmark for a format that is not wXaYgZ.
Format integer_format(const Args& args);

/// The settings of a run with these arguments. Throws UsageError for an unknown model, format or norm.
Settings settings_of(const Args& args, int64_t size);

}  // namespace subbyte::bench
