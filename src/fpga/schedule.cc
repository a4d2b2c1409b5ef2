#include "fpga/schedule.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"

namespace subbyte {
namespace {

void require_port(const ArrayProduct& p, char port, const ArrayOperand& o, int bits) {
  if (o.port_bits() > bits)
    throw UsageError(p.name + ": codes of " + std::to_string(o.port_bits()) + " bits at port " + port + ", which has " +
                     std::to_string(bits));
}

/// Where the port has room for the shifts of blocks, codes carry them: then `sorted` need not tell them apart.
void carry_shifts(ArrayOperand& o, int port) {
  const int most = o.most_shift();
  if (most == 0 || o.port_bits() + most > port) return;
  for (size_t i = 0; i < o.code.size(); ++i) o.code[i] = int16_t(o.code[i] * (1 << o.shift[i]));
  o.shift.assign(o.shift.size(), 0);
  o.bits += most;
}

/// Moves k_shift to b's shifts as far as they have room, the rest to a's.
void place_shifts(ArrayProduct& p, const ArrayConfig& c) {
  const int room = c.ng_b - 1 - p.b.most_shift();
  int most_a = 0;
  for (int k = 0; k < p.k; ++k) {
    const int on_b = std::clamp<int>(p.k_shift[size_t(k)], 0, std::max(room, 0)), on_a = p.k_shift[size_t(k)] - on_b;
    for (int n = 0; n < p.n(); ++n) p.b.shift[size_t(n) * size_t(p.k) + size_t(k)] += uint8_t(on_b);
    for (int m = 0; m < p.m(); ++m) p.a.shift[size_t(m) * size_t(p.k) + size_t(k)] += uint8_t(on_a);
    most_a = std::max(most_a, on_a);
  }
  p.k_shift.assign(p.k_shift.size(), 0);
  if (room < 0 || p.a.most_shift() >= c.ng)
    throw UsageError(p.name + ": shifts up to " + std::to_string(p.a.most_shift()) + " of a and " +
                     std::to_string(p.b.most_shift()) + " of b, expected at most " + std::to_string(c.ng - 1) + " (ng - 1) and " +
                     std::to_string(c.ng_b - 1) + " (ng-b - 1)");
}

/// Which shifts the elements of columns [first, last) of an operand have at each k, as bits; zero codes have none.
std::vector<uint32_t> shifts_present(const ArrayOperand& o, int k, int first, int last) {
  std::vector<uint32_t> present(size_t(k), 0);
  for (int i = first; i < std::min(last, o.outer); ++i)
    for (int j = 0; j < k; ++j) {
      const size_t at = size_t(i) * size_t(k) + size_t(j);
      if (o.code[at] != 0) present[size_t(j)] |= 1u << o.shift[at];
    }
  return present;
}

/// Appends indices by falling shift, and the steps between and after them.
void append_sorted(std::vector<std::tuple<int, Beat>>& found, std::vector<Beat>& beats) {
  std::stable_sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return std::get<0>(x) > std::get<0>(y); });
  int shift = found.empty() ? 0 : std::get<0>(found.front());
  for (const auto& [own, beat] : found) {
    for (; shift > own; --shift) beats.push_back({0, 0, 0, true});
    beats.push_back(beat);
  }
  for (; shift > 0; --shift) beats.push_back({0, 0, 0, true});
}

void sort_beats(Schedule& s, const Tile& tile) {
  const ArrayProduct& p = s.product;
  std::vector<std::tuple<int, Beat>> found;
  if (!s.by_block) {
    for (int k = 0; k < p.k; ++k) found.push_back({p.k_shift[size_t(k)], {k, 0, 0, false}});
  } else {
    const auto a = shifts_present(p.a, p.k, tile.m, tile.m + s.config.rows);
    const auto b = shifts_present(p.b, p.k, tile.n, tile.n + s.config.cols);
    for (int k = 0; k < p.k; ++k)
      for (int u = 0; a[size_t(k)] >> u; ++u)
        for (int e = 0; b[size_t(k)] >> e; ++e)
          if ((a[size_t(k)] >> u & 1) && (b[size_t(k)] >> e & 1))
            found.push_back({p.k_shift[size_t(k)] + u + e, {k, uint8_t(u), uint8_t(e), false}});
  }
  append_sorted(found, s.beats);
}

}  // namespace

Schedule make_schedule(const ArrayProduct& product, const ArrayConfig& config) {
  Schedule s{config, product, false, {}, {}};
  ArrayProduct& p = s.product;
  require_port(p, 'a', p.a, config.a_bits);
  require_port(p, 'b', p.b, config.b_bits);
  const bool sorted = config.placement == Placement::sorted;
  if (config.shifts_elements()) {
    place_shifts(p, config);
  } else {
    carry_shifts(p.a, config.a_bits);
    carry_shifts(p.b, config.b_bits);
  }
  if (config.placement == Placement::none && p.a.most_shift() + p.b.most_shift() + p.most_k_shift() > 0)
    throw UsageError(p.name + ": has shifts, expected none for an array without (placement none)");
  s.by_block = sorted && p.a.most_shift() + p.b.most_shift() > 0;
  for (int m = 0; m < p.m(); m += config.rows)
    for (int n = 0; n < p.n(); n += config.cols) {
      Tile tile{m, n, 0, 0};
      const bool own = s.by_block || s.tiles.empty();  // else all tiles have the first one's beats
      if (own) tile.first = int64_t(s.beats.size());
      if (own && sorted) sort_beats(s, tile);
      if (own && !sorted)
        for (int k = 0; k < p.k; ++k) s.beats.push_back({k, 0, 0, false});
      tile.count = int64_t(s.beats.size()) - tile.first;
      s.tiles.push_back(tile);
    }
  return s;
}

void port_values(const Schedule& s, const Tile& tile, const Beat& beat, PortValues& out) {
  const ArrayProduct& p = s.product;
  const auto load = [&](const ArrayOperand& o, int first, int count, int selected, std::vector<int>& code,
                        std::vector<int>& shift) {
    code.assign(size_t(count), 0);
    shift.assign(size_t(count), 0);
    for (int i = 0; i < count && first + i < o.outer; ++i) {
      const size_t at = size_t(first + i) * size_t(p.k) + size_t(beat.k);
      if (s.by_block && o.shift[at] != selected) continue;
      code[size_t(i)] = o.code[at];
      if (!s.by_block) shift[size_t(i)] = o.shift[at];
    }
  };
  load(p.a, tile.m, s.config.rows, beat.a_shift, out.a, out.a_shift);
  load(p.b, tile.n, s.config.cols, beat.b_shift, out.b, out.b_shift);
}

std::vector<int64_t> run_tile(const Schedule& s, const Tile& tile) {
  const size_t rows = size_t(s.config.rows), cols = size_t(s.config.cols);
  std::vector<uint64_t> sums(rows * cols, 0);
  PortValues v;
  for (int64_t i = tile.first; i < tile.first + tile.count; ++i) {
    const Beat& beat = s.beats[size_t(i)];
    if (beat.step) {
      for (uint64_t& sum : sums) sum <<= 1;
      continue;
    }
    port_values(s, tile, beat, v);
    for (size_t m = 0; m < rows; ++m) {
      const int64_t a = int64_t(v.a[m]) * (1 << v.a_shift[m]);
      for (size_t n = 0; n < cols && a != 0; ++n) sums[m * cols + n] += uint64_t(a * v.b[n] * (int64_t{1} << v.b_shift[n]));
    }
  }
  std::vector<int64_t> out;
  const int unused = 64 - s.config.acc_bits;
  for (uint64_t sum : sums) out.push_back(int64_t(sum << unused) >> unused);
  return out;
}

void check_schedule(const Schedule& s) {
  const ArrayProduct& p = s.product;
  for (const Tile& tile : s.tiles) {
    const std::vector<int64_t> sums = run_tile(s, tile);
    for (int m = tile.m; m < std::min(tile.m + s.config.rows, p.m()); ++m)
      for (int n = tile.n; n < std::min(tile.n + s.config.cols, p.n()); ++n) {
        const int64_t found = sums[size_t(m - tile.m) * size_t(s.config.cols) + size_t(n - tile.n)];
        const int32_t expected = p.sums[size_t(m) * size_t(p.n()) + size_t(n)];
        if (found != expected)
          throw Error(p.name + ": sum [" + std::to_string(m) + "][" + std::to_string(n) + "]: the schedule gives " +
                      std::to_string(found) + ", expected the kernel's " + std::to_string(expected));
      }
  }
}

}  // namespace subbyte
