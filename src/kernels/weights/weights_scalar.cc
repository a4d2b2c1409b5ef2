// The specification, element by element.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/weights/weights.h"

namespace subbyte {
namespace {

uint32_t range(const float* value, int64_t count) {
  uint32_t top = 0;
  for (int64_t i = 0; i < count; ++i) top = std::max(top, std::bit_cast<uint32_t>(std::fabs(value[i])));
  return top;
}

void codes(const float* value, int64_t count, double inverse, int top, int8_t* code) {
  constexpr double to_even = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves no fraction, rounded half to even
  for (int64_t i = 0; i < count; ++i) {
    const double v = std::clamp(value[i] * inverse, double(-top), double(top));
    code[i] = int8_t(int32_t((v + to_even) - to_even));
  }
}

void filters(const float* value, int taps, int channels, double inverse, int top, int most_shift, int8_t* code) {
  for (int c = 0; c < channels; ++c) {
    double most = 0;
    for (int tap = 0; tap < taps; ++tap) most = std::max(most, std::fabs(value[tap * channels + c] * inverse));
    int u = 0;
    while (u < most_shift && most > std::ldexp(top + 0.5, u)) ++u;
    for (int tap = 0; tap < taps; ++tap) {
      codes(&value[tap * channels + c], 1, std::ldexp(inverse, -u), top, &code[tap * channels + c]);
      code[tap * channels + c] = int8_t(code[tap * channels + c] * (1 << u));
    }
  }
}

/// code(tap, row, column) << left[row].
template <class Element, class Code>
void pack(const WeightPack& p, int rows, int columns, Code code) {
  constexpr int group = 4 / sizeof(Element);
  const int words = (rows + group - 1) / group;
  for (int n = p.begin; n < p.end; ++n) p.column_sum[n] = 0;
  for (int i = 0; i < p.positions; ++i)
    for (int w = 0; w < words; ++w)
      for (int n = p.begin; n < p.end; ++n) {
        Element element[group] = {};
        for (int r = 0; r < group && w * group + r < rows && n < columns; ++r) {
          element[r] = Element(code(p.order[i], w * group + r, n) * (1 << p.left[w * group + r]));
          p.column_sum[n] += element[r];
        }
        std::memcpy(p.words + panel_word(int64_t(p.positions) * words, p.n16, int64_t(i) * words + w, n), element, 4);
      }
}

int64_t at(const WeightPack& p, int output, int tap, int channel) {
  return (int64_t(output) * p.taps + tap) * p.channels + channel;
}

template <class Element>
void forward(const WeightPack& p) {
  pack<Element>(p, p.channels, p.outputs, [&](int tap, int r, int n) { return int32_t(p.code[at(p, n, tap, r)]); });
}

template <class Element>
void backward(const WeightPack& p) {
  pack<Element>(p, p.outputs, p.channels, [&](int tap, int r, int n) { return int32_t(p.code[at(p, r, tap, n)]); });
}

void gradient(const WeightGradientSums& g) {
  for (int n = g.begin; n < g.end; ++n)
    for (int tap = 0; tap < g.taps; ++tap)
      for (int c = 0; c < g.channels; ++c) {
        const int64_t at = (int64_t(tap) * g.k + c) * g.n + n;
        int64_t sum = 0;
        for (int p = 0; p < g.parts; ++p) {
          sum += int32_t(uint32_t(g.part[p].sum[at]) - uint32_t(g.part[p].zero_sum[n]));
          if (g.part[p].total) sum += g.part[p].total[at];
        }
        g.grad[(int64_t(n) * g.taps + tap) * g.channels + c] = float(double(sum) * g.input_unit[c] * g.output_unit[n]);
      }
}

}  // namespace

extern const WeightKernels weight_kernels_scalar;
const WeightKernels weight_kernels_scalar = {range,           codes,           filters,           forward<int8_t>,
                                             forward<int16_t>, backward<int8_t>, backward<int16_t>, gradient};

}  // namespace subbyte
