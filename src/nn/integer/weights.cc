#include "nn/integer/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "nn/integer/grid.h"

namespace subbyte {

bool sums_fit(int64_t reduced, int64_t top_a, int64_t top_b, int shift) {
  return ((reduced * top_a * top_b) << shift) < (int64_t{1} << 31) - (int64_t{1} << 22);
}

WeightCodes quantize_weights(const Param& weight, int bits, int groups, float clip) {
  const int outputs = int(weight.shape[0]);
  const int64_t row = int64_t(weight.value.size()) / outputs;
  WeightCodes w;
  w.bits = bits;
  w.code.resize(weight.value.size());
  std::vector<double> range(outputs, 0);
  double energy = 0;
  for (int co = 0; co < outputs; ++co)
    for (int64_t i = 0; i < row; ++i) {
      const double v = weight.value[co * row + i];
      if (!std::isfinite(v)) throw Error("parameter '" + weight.name + "': found a value that is not finite");
      range[co] = std::max(range[co], std::fabs(v));
      energy += v * v;
    }
  if (clip > 0) {
    const double cap = clip * std::sqrt(energy / double(weight.value.size()));
    for (double& r : range) r = std::min(r, cap);
  }
  constexpr double to_even = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves no fraction, rounded half to even
  const double top_range = std::max(*std::max_element(range.begin(), range.end()), 1e-30);
  const int32_t top = top_code(bits, true);
  w.scale = top_range / top;
  for (int co = 0; co < outputs; ++co) {
    const int n = channel_shift(top_range, range[co], groups);
    w.shift.push_back(n);
    const double inverse = std::ldexp(1.0, n) / w.scale;
    for (int64_t i = 0; i < row; ++i) {
      const double v = std::clamp(weight.value[co * row + i] * inverse, double(-top), double(top));
      w.code[co * row + i] = int8_t(int32_t((v + to_even) - to_even));
    }
  }
  return w;
}

namespace {

int round_up(int n, int to) { return (n + to - 1) / to * to; }

/// code(tap, row, column) << left[row] as words of `Element`s, rows grouped by 4 / sizeof... per 32 bits.
template <class Element, class Code>
void pack_words(PackedWeights& out, const std::vector<std::vector<int>>& sets, int rows, int columns,
                const std::vector<int32_t>& left, Code code) {
  constexpr int group = 4 / sizeof(Element);
  out.words = (rows + group - 1) / group;
  out.outputs = round_up(columns, 16);
  size_t taps = 0;
  for (const std::vector<int>& set : sets) taps += set.size();
  out.bytes.resize(taps * out.words * out.outputs * 4);
  out.bytes.fill_bytes(0);
  int64_t offset = 0;
  for (const std::vector<int>& set : sets) {
    PackedWeights::Taps packed{offset, std::vector<int32_t>(out.outputs, 0)};
    const int64_t panel_rows = int64_t(set.size()) * out.words;
    for (size_t tap = 0; tap < set.size(); ++tap)
      for (int r = 0; r < rows; ++r)
        for (int n = 0; n < columns; ++n) {
          const Element v = Element(int32_t(code(set[tap], r, n)) * (1 << left[r]));
          const int64_t word = panel_word(panel_rows, out.outputs, int64_t(tap) * out.words + r / group, n);
          std::memcpy(out.bytes.data() + offset + word * 4 + r % group * sizeof(Element), &v, sizeof v);
          packed.column_sum[n] += v;
        }
    out.sets.push_back(std::move(packed));
    offset += panel_rows * out.outputs * 4;
  }
}

/// Chooses between the byte products: row r's first operand is at most top_u[r], its second top << shift[r].
void choose_byte_dot(PackedWeights& out, const std::vector<int32_t>& top_u, int64_t top, const std::vector<int32_t>& shift) {
  int64_t largest = 0;
  for (size_t r = 0; r < shift.size(); r += 2) {
    int64_t pair = top_u[r] * (top << shift[r]);
    if (r + 1 < shift.size()) pair += top_u[r + 1] * (top << shift[r + 1]);
    largest = std::max(largest, pair);
  }
  out.burst = int(32767 / std::max<int64_t>(largest, 1));
  out.dot = out.burst > 0 ? Dot::u8s8 : Dot::u8s8_wide;
}

}  // namespace

std::vector<int32_t> PackedWeights::init(size_t set) const {
  std::vector<int32_t> init(outputs);
  for (int n = 0; n < outputs; ++n) init[n] = -zero * sets[set].column_sum[n];
  return init;
}

PackedWeights pack_forward(const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left, int zero,
                           int operand_top) {
  const int rows = s.in.c, columns = s.out.c, taps = s.taps();
  const int largest = *std::max_element(left.begin(), left.end());
  auto code = [&](int tap, int r, int n) { return w.code[(int64_t(n) * taps + tap) * rows + r]; };
  std::vector<int> all(taps);
  std::iota(all.begin(), all.end(), 0);
  PackedWeights out;
  out.operand_shift.assign(rows, 0);
  if (w.bits + largest <= 8) {
    out.zero = zero;
    choose_byte_dot(out, std::vector<int32_t>(rows, operand_top), top_code(w.bits, true), left);
    pack_words<int8_t>(out, {all}, rows, columns, left, code);
  } else {
    out.dot = Dot::s16;
    pack_words<int16_t>(out, {all}, rows, columns, left, code);
  }
  return out;
}

PackedWeights pack_backward(const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left, int gradient_bits,
                            const std::vector<std::vector<int>>& sets) {
  const int rows = s.out.c, columns = s.in.c, taps = s.taps();
  auto code = [&](int tap, int r, int n) { return w.code[(int64_t(r) * taps + tap) * columns + n]; };
  PackedWeights out;
  std::vector<int32_t> on_weights(rows);
  out.operand_shift.resize(rows);
  int rest = 0;
  for (int r = 0; r < rows; ++r) {
    on_weights[r] = std::min(left[r], 8 - w.bits);
    out.operand_shift[r] = left[r] - on_weights[r];
    rest = std::max(rest, out.operand_shift[r]);
  }
  if (gradient_bits + rest <= 8) {
    out.zero = top_code(gradient_bits, true) << rest;  // no code is below -top
    std::vector<int32_t> top_u(rows);
    for (int r = 0; r < rows; ++r) top_u[r] = out.zero + (top_code(gradient_bits, true) << out.operand_shift[r]);
    choose_byte_dot(out, top_u, top_code(w.bits, true), on_weights);
    pack_words<int8_t>(out, sets, rows, columns, on_weights, code);
  } else {
    out.dot = Dot::s16;
    out.operand_shift.assign(rows, 0);
    pack_words<int16_t>(out, sets, rows, columns, left, code);
  }
  return out;
}

}  // namespace subbyte
