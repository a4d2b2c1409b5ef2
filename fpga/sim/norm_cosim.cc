// The normalization units in Verilator against the scalar kernels (kernels/norm) and, for the multiplier, against integers that
// say what norm_scale.sv claims, and against real arithmetic within what 16 bits allow.
// Usage: norm_cosim CHANNELS [SEED]. Channels run through the three passes behind each other, three at a time.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "Vnorm_bench.h"
#include "kernels/norm/norm.h"

namespace {

using Random = std::mt19937;
int uniform(Random& r, int low, int high) { return std::uniform_int_distribution<int>(low, high)(r); }

struct Channel {
  int log_n = 1;
  std::vector<int16_t> y;
  int eps = 0, g = 0, h = 0, limit = 0, k = 0, offset = 0;
  bool relu = false;
  // what the units should find
  int16_t mu = 0, scale = 0;
  uint64_t deviation = 0;  // with eps; of L2 its root
  std::vector<int16_t> z;
  std::vector<int> q;
};

/// norm_scale.sv's equations. `width` are D's bits.
int16_t scale_of(uint64_t d, int width, int g, int h) {
  int s = h;
  while (!(d >> (width - 1)) && s != 1) d = d << 1 & ((uint64_t{1} << width) - 1), --s;
  const int64_t m = int64_t(d >> (width - 16));
  // The divider's recursion, which for a normalized m is the quotient.
  int64_t rest = 0x7fff, r = 0;
  for (int i = 0; i < 16; ++i) {
    rest = 2 * rest + 1;
    const bool fits = rest >= m;
    if (fits) rest -= m;
    rest &= 0xffff;
    r = 2 * r + fits;
  }
  if (m >> 15 && r != ((int64_t{1} << 31) - 1) / m) std::abort();
  const int64_t p = int64_t{g} * r, rounded = ((p >> (s - 1)) + 1) >> 1;
  return int16_t(std::clamp<int64_t>(rounded, -32767, 32767));
}

uint64_t root_of(uint64_t value) {
  uint64_t root = uint64_t(std::sqrt(double(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

/// A channel as the integer network would set it up, and at times an extreme one.
Channel any_channel(Random& random, bool l2) {
  Channel c;
  const int kind = uniform(random, 0, 6);
  c.log_n = kind == 0 ? uniform(random, 1, 3) : uniform(random, 4, 9);
  const int n = 1 << c.log_n, spread = 1 << uniform(random, 0, 13), middle = uniform(random, -8000, 8000);
  for (int i = 0; i < n; ++i) {
    int v = middle + uniform(random, -spread, spread);
    if (kind == 1) v = middle;                                      // constant
    if (kind == 2) v = uniform(random, 0, 1) ? 16383 : -16383;      // the ends
    if (kind == 3) v = i == 0 ? 16383 : -16383;
    c.y.push_back(int16_t(std::clamp(v, -16383, 16383)));
  }
  int64_t sum = 0;
  for (int16_t v : c.y) sum += v;
  c.mu = int16_t(std::floor(double(sum) / n + 0.5));
  const auto& kernels = subbyte::norm_kernels(subbyte::Isa::scalar);
  int64_t total = 0;
  kernels.deviation(c.y.data(), n, 1, &c.mu, l2, &total);
  c.eps = kind == 4 ? uniform(random, 0, 65535) : uniform(random, 0, 3);
  c.deviation = uint64_t(total + c.eps);
  if (l2) c.deviation = root_of(c.deviation);
  int peak = 0;
  for (int16_t v : c.y) peak = std::max(peak, std::abs(v - c.mu));
  while (c.k < 14 && peak > 0 && (peak << (c.k + 1)) <= 32767 - 128) ++c.k;
  c.limit = std::min((32767 - 128) >> c.k, peak + 1);
  if (kind == 5) c.limit = std::max(1, c.limit / 3);
  c.g = uniform(random, 0, 3) == 0 ? uniform(random, -32768, 32767) : uniform(random, 8000, 20000);
  c.offset = uniform(random, -9000, 9000);
  c.relu = uniform(random, 0, 1);
  const int width = l2 ? 23 : 31;
  int lead = 0;
  while (lead < width && !(c.deviation >> (width - 1 - lead))) ++lead;
  c.h = std::clamp(lead + uniform(random, 14, 18), 2, 63);  // the multiplier is then about g / 2^0..4
  c.scale = scale_of(c.deviation, width, c.g, c.h);
  // z fits int16, as the layer's choice of scale sees to: |scale| (peak 2^k + 2^7) / 2^15 + |offset|
  c.z.resize(size_t(n));
  std::vector<uint8_t> codes(size_t(n) + 8);
  const int16_t limit = int16_t(c.limit), pow2 = int16_t(1 << c.k), offset = int16_t(c.offset);
  if (std::abs(int{c.scale}) > 23000) c.offset = c.offset / 100;
  const int16_t small = int16_t(c.offset);
  int64_t signs = 0;
  int32_t top = 0;
  subbyte::NormForward f{&c.mu, &limit, &pow2, &c.scale, std::abs(int{c.scale}) > 23000 ? &small : &offset, 1, 8, nullptr, 0, 0,
                         c.relu, c.z.data(), codes.data(), nullptr, &signs, &top};
  kernels.forward(c.y.data(), n, f);
  for (int i = 0; i < n; ++i) c.q.push_back(codes[size_t(i)] - 128);
  return c;
}

struct Counts {
  int64_t channels = 0, elements = 0, wrong = 0, cycles = 0, most_wait = 0;
  double worst = 0;
};

/// Feeds passes of up to three channels side by side, at most one element of each a cycle.
struct Bench {
  Vnorm_bench top;
  Random random;

  void idle() { top.valid1 = top.last1 = top.valid2 = top.last2 = top.valid3 = top.start2 = top.start3 = 0; }
  void cycle() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
  }

  void expect(bool good, const char* what, int64_t found, int64_t expected, Counts& counts) {
    if (!good && counts.wrong++ < 10)
      std::fprintf(stderr, "unit %d: %s: found %lld, expected %lld\n", int(top.select), what, (long long)found,
                   (long long)expected);
  }

  /// In one round channel i + 2 is in pass 1, i + 1 in pass 2, i in pass 3.
  void run(const std::vector<Channel>& all, Counts& counts) {
    const int count = int(all.size());
    for (int round = 0; round < count + 2; ++round) {
      const Channel* c1 = round < count ? &all[size_t(round)] : nullptr;
      const Channel* c2 = round >= 1 && round - 1 < count ? &all[size_t(round - 1)] : nullptr;
      const Channel* c3 = round >= 2 ? &all[size_t(round - 2)] : nullptr;
      idle();
      top.start2 = c2 != nullptr;
      top.start3 = c3 != nullptr;
      cycle();
      idle();
      if (c1) top.log_n = uint8_t(c1->log_n), top.half = uint16_t(1 << (c1->log_n - 1));
      if (c2) top.eps = uint16_t(c2->eps), top.g = uint16_t(c2->g), top.h = uint8_t(c2->h);
      if (c3) {
        top.low = uint16_t(-c3->limit), top.high = uint16_t(c3->limit), top.k = uint8_t(c3->k);
        top.offset = uint16_t(c3->offset), top.relu = c3->relu;
      }
      size_t at1 = 0, at2 = 0, at3 = 0, out = 0;
      bool mu_seen = !c1, scale_seen = !c2;
      const bool pauses = uniform(random, 0, 2) == 0;
      int64_t wait = 0;
      while (!mu_seen || !scale_seen || (c3 && out < c3->y.size())) {
        const auto go = [&] { return !pauses || uniform(random, 0, 3) != 0; };
        idle();
        top.y1 = top.y2 = top.y3 = 0x1234;  // what is not valid does not count
        const bool streaming = (c1 && at1 < c1->y.size()) || (c2 && at2 < c2->y.size()) || (c3 && at3 < c3->y.size());
        if (c1 && at1 < c1->y.size() && go()) {
          top.y1 = uint16_t(c1->y[at1++]);
          top.valid1 = 1, top.last1 = at1 == c1->y.size();
        }
        if (c2 && at2 < c2->y.size() && go()) {
          top.y2 = uint16_t(c2->y[at2++]);
          top.valid2 = 1, top.last2 = at2 == c2->y.size();
        }
        if (c3 && at3 < c3->y.size() && go()) top.y3 = uint16_t(c3->y[at3++]), top.valid3 = 1;
        cycle();
        ++counts.cycles;
        wait = streaming ? 0 : wait + 1;
        counts.most_wait = std::max(counts.most_wait, wait);
        if (wait > 1000) return expect(false, "no answer", wait, 0, counts);
        if (top.mu_ready && c1) expect(int16_t(top.mu) == c1->mu, "mu", int16_t(top.mu), c1->mu, counts), mu_seen = true;
        if (top.scale_ready && c2)
          expect(int16_t(top.scale) == c2->scale, "scale", int16_t(top.scale), c2->scale, counts), scale_seen = true;
        if (top.out_valid && c3) {
          expect(int8_t(top.q) == c3->q[out], "q", int8_t(top.q), c3->q[out], counts);
          expect(int16_t(top.z) == c3->z[out], "z", int16_t(top.z), c3->z[out], counts);
          ++out;
          ++counts.elements;
        }
      }
      ++counts.channels;
    }
  }
};

/// Of g / (D 2^-(31 - ...)) in real numbers: how far the multiplier is off, beyond half a unit, in parts of itself.
double relative_error(const Channel& c, int width) {
  if (c.deviation == 0 || std::abs(int{c.scale}) == 32767) return 0;
  int lead = 0;
  while (!(c.deviation >> (width - 1 - lead))) ++lead;
  if (c.h - lead < 1) return 0;
  const double m = std::ldexp(double(c.deviation), lead - (width - 16));
  const double exact = c.g * std::ldexp(1.0, 31 - (c.h - lead)) / m;
  return std::max(0.0, std::fabs(c.scale - exact) - 0.5) / std::max(std::fabs(exact), 1.0);
}

}  // namespace

int main(int argc, char** argv) {
  const int channels = argc > 1 ? std::atoi(argv[1]) : 60;
  const uint32_t seed = argc > 2 ? uint32_t(std::atoi(argv[2])) : 1;
  static const char* const names[] = {"L1 plain", "L1 mapped", "L2 plain", "L2 mapped"};
  int64_t wrong = 0;
  for (int unit = 0; unit < 4; ++unit) {
    Random random(seed);
    std::vector<Channel> all;
    for (int i = 0; i < channels; ++i) all.push_back(any_channel(random, unit >= 2));
    Bench bench;
    bench.random.seed(seed + 1);
    bench.top.select = uint8_t(unit);
    bench.idle();
    bench.top.clk = 0;
    bench.top.eval();
    Counts counts;
    bench.run(all, counts);
    for (const Channel& c : all) counts.worst = std::max(counts.worst, relative_error(c, unit >= 2 ? 23 : 31));
    if (counts.worst > 1.0 / (1 << 14)) {
      ++counts.wrong;
      std::fprintf(stderr, "%s: multiplier off by %g\n", names[unit], counts.worst);
    }
    std::printf("%-10s %d channels, %lld elements: %lld differ; multiplier within %.2g of real arithmetic, %lld cycles for a "
                "channel's constants at most\n",
                names[unit], channels, (long long)counts.elements, (long long)counts.wrong, counts.worst,
                (long long)counts.most_wait);
    wrong += counts.wrong + (counts.elements == 0);
  }
  return wrong == 0 ? 0 : 1;
}
