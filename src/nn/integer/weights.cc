#include "nn/integer/weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "nn/integer/grid.h"

namespace subbyte {

bool sums_fit(int64_t reduced, int64_t top_a, int64_t top_b, int shift) {
  return ((reduced * top_a * top_b) << shift) < (int64_t{1} << 31) - (int64_t{1} << 22);
}

namespace {

WeightWorkers alone() { return {weight_kernels(selected_isa())}; }

/// Calls body(begin, end) over a partition of [0, items), on the threads where the weights are worth waking them.
template <class Body>
void split(const WeightWorkers& workers, int items, size_t weights, Body body) {
  constexpr size_t worth = 1 << 15;  // about 5 us of work
  if (workers.threads && weights >= worth) workers.threads->run(items, [&](int, int begin, int end) { body(begin, end); });
  else body(0, items);
}

/// clip root mean squares; in double, in this order.
double range_cap(const float* values, int64_t count, float clip) {
  double energy = 0;
  for (int64_t i = 0; i < count; ++i) energy += double(values[i]) * values[i];
  return clip * std::sqrt(energy / double(count));
}

}  // namespace

FilterShifts filter_shifts(const QuantConfig& q, int bits, int taps) {
  constexpr int fewest_taps = 8, most_automatic_bits = 4;
  const int groups = q.filter_groups_w > 0 ? q.filter_groups_w : bits <= most_automatic_bits ? 2 : 1;
  return {taps, taps < fewest_taps ? 0 : std::clamp(groups - 1, 0, 8 - bits)};
}

void quantize_weights(const WeightWorkers& workers, const Param& weight, int bits, int groups, float clip, FilterShifts filters,
                      WeightCodes& w) {
  const std::vector<float>& values = weight.value;
  const int outputs = int(weight.shape[0]);
  const int64_t row = int64_t(values.size()) / outputs;
  w.bits = bits;
  w.filters = filters;
  w.code.resize(values.size());
  std::vector<uint32_t> range_bits(outputs);
  split(workers, outputs, values.size(), [&](int begin, int end) {
    for (int co = begin; co < end; ++co) range_bits[co] = workers.kernels.range(values.data() + co * row, row);
  });
  std::vector<double> range;
  for (const uint32_t b : range_bits) {
    range.push_back(std::bit_cast<float>(b));
    if (!std::isfinite(range.back())) throw Error("parameter '" + weight.name + "': found a value that is not finite");
  }
  for (int co = 0; co < outputs && clip > 0; ++co)
    range[co] = std::min(range[co], range_cap(values.data() + co * row, row, clip));
  const double top_range = std::max(*std::max_element(range.begin(), range.end()), 1e-30);
  const int32_t top = top_code(bits, true);
  w.scale = top_range / top_weight(bits, filters.most_shift);
  w.shift.assign(outputs, 0);
  w.channel_scale.assign(outputs, 1.0);
  for (int co = 0; co < outputs; ++co) {
    if (groups > 0) w.shift[co] = channel_shift(top_range, range[co], groups);
    else if (range[co] > 0) w.channel_scale[co] = range[co] / top_range;
  }
  split(workers, outputs, values.size(), [&](int begin, int end) {
    for (int co = begin; co < end; ++co) {
      const double inverse = std::ldexp(1.0, w.shift[co]) / (w.scale * w.channel_scale[co]);
      const float* const from = values.data() + co * row;
      int8_t* const to = w.code.data() + co * row;
      if (filters.most_shift == 0) workers.kernels.codes(from, row, inverse, top, to);
      else workers.kernels.filters(from, filters.taps, int(row / filters.taps), inverse, top, filters.most_shift, to);
    }
  });
}

WeightCodes quantize_weights(const Param& weight, int bits, int groups, float clip, FilterShifts filters) {
  WeightCodes w;
  quantize_weights(alone(), weight, bits, groups, clip, filters, w);
  return w;
}

PackedSize packed_size(int rows, int columns, int taps, bool int16) {
  const int group = int16 ? 2 : 4;
  PackedSize size{(rows + group - 1) / group, (columns + 15) / 16 * 16, 0};
  size.bytes = int64_t(taps) * size.words * size.outputs * 4;
  return size;
}

namespace {

enum class Direction { forward, backward };

/// Fills the words and their sums for out.dot.
void pack_words(const WeightWorkers& workers, Direction direction, const WeightCodes& w, const ProductShape& s,
                const std::vector<int32_t>& left, const std::vector<std::vector<int>>& sets, PackedWeights& out) {
  const bool forward = direction == Direction::forward, words16 = out.dot == Dot::s16;
  const int rows = forward ? s.in.c : s.out.c, columns = forward ? s.out.c : s.in.c;
  const PackedSize empty = packed_size(rows, columns, 0, words16);
  out.words = empty.words;
  out.outputs = empty.outputs;
  out.sets.resize(sets.size());
  int64_t bytes = 0;
  for (size_t i = 0; i < sets.size(); ++i) {
    out.sets[i].offset = bytes;
    out.sets[i].column_sum.resize(out.outputs);
    bytes += packed_size(rows, columns, int(sets[i].size()), words16).bytes;
  }
  out.bytes.resize(size_t(bytes));
  const WeightKernels& k = workers.kernels;
  const auto pack = forward ? (words16 ? k.forward_int16 : k.forward_bytes) : (words16 ? k.backward_int16 : k.backward_bytes);
  split(workers, out.outputs / 16, w.code.size(), [&](int begin, int end) {
    for (size_t i = 0; i < sets.size(); ++i)
      pack({w.code.data(), s.out.c, s.taps(), s.in.c, left.data(), sets[i].data(), int(sets[i].size()), 16 * begin, 16 * end,
            out.outputs, reinterpret_cast<uint32_t*>(out.bytes.data() + out.sets[i].offset), out.sets[i].column_sum.data()});
  });
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

void choose_int16_dot(PackedWeights& out) {
  out.dot = Dot::s16;
  out.burst = 1;
  out.zero = 0;
}

}  // namespace

std::vector<int32_t> PackedWeights::init(size_t set) const {
  std::vector<int32_t> init(outputs);
  for (int n = 0; n < outputs; ++n) init[n] = -zero * sets[set].column_sum[n];
  return init;
}

void pack_forward(const WeightWorkers& workers, const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left,
                  int zero, int operand_top, PackedWeights& out) {
  const int rows = s.in.c, largest = *std::max_element(left.begin(), left.end());
  std::vector<int> all(s.taps());
  std::iota(all.begin(), all.end(), 0);
  out.operand_shift.assign(rows, 0);
  if (w.operand_bits() + largest <= 8) {
    out.zero = zero;
    choose_byte_dot(out, std::vector<int32_t>(rows, operand_top), top_weight(w.bits, w.filters.most_shift), left);
  } else {
    choose_int16_dot(out);
  }
  pack_words(workers, Direction::forward, w, s, left, {all}, out);
}

PackedWeights pack_forward(const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left, int zero,
                           int operand_top) {
  PackedWeights out;
  pack_forward(alone(), w, s, left, zero, operand_top, out);
  return out;
}

void pack_backward(const WeightWorkers& workers, const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left,
                   int gradient_bits, const std::vector<std::vector<int>>& sets, PackedWeights& out) {
  const int rows = s.out.c;
  std::vector<int32_t> on_weights(rows);
  out.operand_shift.resize(rows);
  int rest = 0;
  for (int r = 0; r < rows; ++r) {
    on_weights[r] = std::min(left[r], 8 - w.operand_bits());
    out.operand_shift[r] = left[r] - on_weights[r];
    rest = std::max(rest, out.operand_shift[r]);
  }
  if (gradient_bits + rest <= 8) {
    out.zero = top_code(gradient_bits, true) << rest;  // no code is below -top
    std::vector<int32_t> top_u(rows);
    for (int r = 0; r < rows; ++r) top_u[r] = out.zero + (top_code(gradient_bits, true) << out.operand_shift[r]);
    choose_byte_dot(out, top_u, top_weight(w.bits, w.filters.most_shift), on_weights);
  } else {
    choose_int16_dot(out);
    out.operand_shift.assign(rows, 0);
    on_weights = left;
  }
  pack_words(workers, Direction::backward, w, s, on_weights, sets, out);
}

PackedWeights pack_backward(const WeightCodes& w, const ProductShape& s, const std::vector<int32_t>& left, int gradient_bits,
                            const std::vector<std::vector<int>>& sets) {
  PackedWeights out;
  pack_backward(alone(), w, s, left, gradient_bits, sets, out);
  return out;
}

}  // namespace subbyte
