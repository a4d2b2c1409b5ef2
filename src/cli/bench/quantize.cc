// subbyte bench quantize: streams to codes and back, and their random numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "base/isa.h"
#include "cli/bench/bench.h"
#include "cli/bench/measure.h"
#include "cli/bench/random_values.h"
#include "kernels/peak/peak.h"
#include "nn/integer/gradient.h"

namespace subbyte::bench {
namespace {

constexpr int channels = 16;
constexpr int64_t elements = 32 * 32 * channels;  ///< an image, as in the first layers of resnet20

/// Every array of one image.
struct Image {
  Buffer<int16_t> z{size_t(elements)}, relu{size_t(elements)};  ///< a gradient, an activation
  Buffer<uint8_t> bytes{size_t(elements) + 8}, packed{size_t(elements) + 8};
  Buffer<int8_t> codes{size_t(elements)};
  Buffer<uint16_t> random{size_t(elements)};
  std::array<int32_t, channels> top{};

  bool operator==(const Image& other) const {
    return same(bytes, other.bytes) && same(packed, other.packed) && same(codes, other.codes) &&
           same(random, other.random) && top == other.top;
  }

 private:
  template <class T>
  static bool same(const Buffer<T>& a, const Buffer<T>& b) {
    return std::memcmp(a.data(), b.data(), size_t(elements) * sizeof(T)) == 0;
  }
};

/// The grids of activations and of gradients, both of `bits` bits.
struct Grids {
  Grids(int activation_bits, int gradient_bits)
      : a_bits(activation_bits),
        block(block_shift({}, gradient_bits)),
        a(make_grid(ranges(), 1, activation_bits, false, 4)),
        g(make_grid(ranges(), 1, gradient_bits, true, 4)) {
    a.constants(0, a_limit, a_pow2);
    g.constants(0, g_limit, g_pow2);
  }
  QuantizeGrid activations() const { return {a_limit.data(), a_pow2.data(), int(a_limit.size()), a.multiplier, a.fraction}; }
  QuantizeGrid gradients() const { return {g_limit.data(), g_pow2.data(), int(g_limit.size()), g.multiplier, g.fraction}; }


  int a_bits, block;

 private:
  static std::vector<int32_t> ranges() {
    std::vector<int32_t> range(channels);
    for (int c = 0; c < channels; ++c) range[size_t(c)] = 16000 >> c % 4;
    return range;
  }
  Grid a, g;
  Buffer<int16_t> a_limit, a_pow2, g_limit, g_pow2;
};

struct Pass {
  std::string name;
  double bytes;  ///< read and written, an element
  std::function<void(const QuantizeKernels&, Image&)> run;
};

std::vector<Pass> passes(const Grids& grids) {
  const RandomStream stream{{1, 2}, 0, 3, 4, uint32_t(RandomUse::gradient)};
  const double packed = grids.a_bits / 8.0;
  const auto random = [stream](const QuantizeKernels& k, Image& i) { k.random(stream, elements, i.random.data()); };
  const auto stochastic = [&grids](const QuantizeKernels& k, Image& i) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(i.random.data());
    k.stochastic(i.z.data(), elements, grids.gradients(), channels, grids.block, bytes, i.codes.data());
  };
  const auto nearest = [&grids](const QuantizeKernels& k, Image& i) {
    k.nearest(i.relu.data(), elements, grids.activations(), 0, i.bytes.data());
  };
  const auto pack = [&grids](const QuantizeKernels& k, Image& i) {
    k.pack(i.bytes.data(), elements, grids.a_bits, i.packed.data());
  };
  const auto unpack = [&grids](const QuantizeKernels& k, Image& i) {
    k.unpack(i.packed.data(), elements, grids.a_bits, i.bytes.data());
  };
  const auto maxima = [](const QuantizeKernels& k, Image& i) {
    k.channel_max(i.z.data(), elements, channels, i.top.data());
  };
  const auto both = [=](const QuantizeKernels& k, Image& i) { random(k, i), stochastic(k, i); };
  return {{"nearest", 3, nearest}, {"pack", 1 + packed, pack},     {"unpack", packed + 1, unpack},
          {"Philox", 2, random},   {"stochastic", 5, stochastic},  {"Philox + stochastic", 7, both},
          {"channel maxima", 2, maxima}};
}

void fill(Image& image, uint32_t index) {
  RandomValues random(index);
  for (size_t e = 0; e < size_t(elements); ++e) {
    image.z[e] = int16_t(random.uniform(-16000, 16000) >> e % channels % 4);
    image.relu[e] = std::max<int16_t>(image.z[e], 0);
  }
}

/// Every pass in turn against the plain loops.
void check(const QuantizeKernels& kernels, const std::vector<Pass>& list) {
  Image found, expected;
  fill(found, 0);
  fill(expected, 0);
  for (const Pass& pass : list) {
    pass.run(kernels, found);
    pass.run(quantize_kernels(Isa::scalar), expected);
    if (!(found == expected)) throw Error(fmt::format("check: '{}' differs from the scalar kernels", pass.name));
  }
}

}  // namespace

Json run_quantize(const Args& args) {
  const Format format = integer_format(args);
  const Isa isa = selected_isa();
  const QuantizeKernels& kernels = quantize_kernels(isa);
  const Grids grids(format.a, format.g);
  const std::vector<Pass> list = passes(grids);
  check(kernels, list);

  ThreadPool pool(thread_count(args));
  std::vector<Image> images(size_t(args.batch));
  pool.run(int(args.batch), [&](int, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      fill(images[size_t(i)], uint32_t(i));
      for (const Pass& pass : list) pass.run(kernels, images[size_t(i)]);
    }
  });
  const double count = double(elements) * double(args.batch);
  const int64_t set = int64_t(count) * 4 / pool.size();  // what most passes touch
  const double stream = stream_gbytes(pool, peak_kernels(isa), set);
  fmt::print("check: equal bytes with {} and scalar kernels\n", isa_name(isa));
  fmt::print("{} images of 32x32x16, {}-bit activations, {}-bit gradients, {} threads, {}; ", args.batch, format.a, format.g,
             pool.size(), isa_name(isa));
  fmt::print("a plain pass over {:.1f} MiB a thread: {:.1f} GB/s\n\n", double(set) / (1 << 20), stream);
  fmt::print("{:<22}{:>14}{:>14}{:>10}{:>12}{:>26}\n", "", "Gelements/s", "bytes/element", "GB/s", "of a pass",
             "ms (min to max)");
  Json json = {{"batch", args.batch}, {"format", args.format}, {"stream_gbytes", stream}, {"passes", Json::array()}};
  for (const Pass& pass : list) {
    const Timing time = timed(args.steps > 0 ? int(args.steps) : 20, args.steps > 0 ? 0 : 0.1, [&] {
      pool.run(int(args.batch), [&](int, int begin, int end) {
        for (int i = begin; i < end; ++i) pass.run(kernels, images[size_t(i)]);
      });
    });
    const double rate = count / time.median / 1e9, gbytes = rate * pass.bytes;
    fmt::print("{:<22}{:>14.2f}{:>14.2f}{:>10.1f}{:>11.0f}%{:>26}\n", pass.name, rate, pass.bytes, gbytes,
               100 * gbytes / stream,
               fmt::format("{:.3f} ({:.3f} to {:.3f})", 1e3 * time.median, 1e3 * time.min, 1e3 * time.max));
    json["passes"].push_back({{"name", pass.name},
                              {"gelements_per_second", rate},
                              {"bytes_per_element", pass.bytes},
                              {"gbytes_per_second", gbytes},
                              {"share_of_stream", gbytes / stream},
                              {"seconds", {{"min", time.min}, {"median", time.median}, {"max", time.max}}}});
  }
  json["check"] = "equal bytes with the scalar kernels";
  return json;
}

}  // namespace subbyte::bench
