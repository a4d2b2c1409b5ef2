#include "fpga/lower.h"

#include "nn/integer/phases.h"

namespace subbyte {
namespace {

/// A part of a tensor, read once.
struct Elements {
  std::vector<int16_t> code;
  std::vector<uint8_t> shift;

  Elements(const CodesView& view, int part) : code(size_t(view.elements)), shift(size_t(view.elements)) {
    view.read(part, code.data(), shift.data());
  }
};

ArrayOperand operand(const CodesView& view, int outer, int k) {
  ArrayOperand o{view.bits, view.is_signed, outer, {}, {}, view.zero};
  o.code.assign(size_t(outer) * size_t(k), 0);
  o.shift.assign(o.code.size(), 0);
  return o;
}

/// Element (y, x, c) of an image; zero beyond its border.
void put(ArrayOperand& o, size_t at, const Elements& image, Shape s, int y, int x, int c) {
  if (y < 0 || x < 0 || y >= s.h || x >= s.w) return;
  const size_t from = (size_t(y) * size_t(s.w) + size_t(x)) * size_t(s.c) + size_t(c);
  o.code[at] = image.code[from];
  o.shift[at] = image.shift[from];
}

ProductShape shape_of(const ProductView& v) { return {v.kh, v.kw, v.stride, v.pad, v.in, v.out}; }

}  // namespace

ArrayProduct lower_forward(const ForwardView& v, int image) {
  const int taps = v.kh * v.kw, inputs = v.in.c, pixels = v.out.h * v.out.w;
  ArrayProduct p;
  p.name = "forward";
  p.rows = "output pixels [h][w]", p.columns = "output channels", p.reduced = "[tap][input channel]";
  p.k = taps * inputs;
  p.a = operand(v.activations, pixels, p.k);
  p.b = operand(v.weights, v.out.c, p.k);
  const Elements x(v.activations, image), w(v.weights, 0);
  p.b.code = w.code, p.b.shift = w.shift;  // [co][tap][ci] already
  const std::vector<int32_t>& n = v.activations.channel_shift;
  for (int k = 0; k < p.k; ++k) p.k_shift.push_back(uint8_t(v.finest - n[size_t(k % inputs) % n.size()]));
  size_t at = 0;
  for (int pixel = 0; pixel < pixels; ++pixel)
    for (int tap = 0; tap < taps; ++tap)
      for (int c = 0; c < inputs; ++c)
        put(p.a, at++, x, v.in, pixel / v.out.w * v.stride + tap / v.kw - v.pad, pixel % v.out.w * v.stride + tap % v.kw - v.pad,
            c);
  p.sums.resize(size_t(pixels) * size_t(v.out.c));
  v.sums(image, p.sums.data());
  return p;
}

std::vector<ArrayProduct> lower_backward_data(const BackwardView& v, int image) {
  std::vector<ArrayProduct> products;
  if (!v.has_input_gradient) return products;
  const int outputs = v.out.c, taps = v.kh * v.kw;
  const Elements g(v.data_gradient, image), w(v.weights, 0);
  std::vector<int32_t> sums(size_t(v.in.elements()));
  v.data_sums(image, sums.data());
  const BackwardPhases phases = backward_phases(shape_of(v));
  for (size_t number = 0; number < phases.phases.size(); ++number) {
    const Phase2d& phase = phases.phases[number];
    if (phase.taps.empty()) continue;
    ArrayProduct p;
    p.name = "backward_data";
    if (phases.phases.size() > 1) p.name += "." + std::to_string(number);
    p.rows = "input pixels [h][w]", p.columns = "input channels", p.reduced = "[tap][output channel]";
    if (v.stride > 1)
      p.rows += ", every " + std::to_string(v.stride) + "th from row " + std::to_string(phase.y) + ", column " +
                std::to_string(phase.x);
    p.k = int(phase.taps.size()) * outputs;
    p.a = operand(v.data_gradient, phase.rows * phase.columns, p.k);
    p.b = operand(v.weights, v.in.c, p.k);
    for (int k = 0; k < p.k; ++k) {
      const size_t co = size_t(k % outputs), tap = size_t(phase.taps[size_t(k / outputs)]);
      p.k_shift.push_back(uint8_t(v.finest - v.data_gradient.channel_shift[co] - v.weights.channel_shift[co]));
      for (int ci = 0; ci < v.in.c; ++ci) {
        const size_t to = size_t(ci) * size_t(p.k) + size_t(k);
        const size_t from = (co * size_t(taps) + tap) * size_t(v.in.c) + size_t(ci);
        p.b.code[to] = w.code[from], p.b.shift[to] = w.shift[from];
      }
    }
    size_t at = 0;
    for (int row = 0; row < phase.rows; ++row)
      for (int column = 0; column < phase.columns; ++column) {
        for (int k = 0; k < p.k; ++k) {
          const size_t tap = size_t(k / outputs);
          put(p.a, at++, g, v.out, phase.row[tap] - phases.top + row, phase.column[tap] - phases.left + column, k % outputs);
        }
        const size_t pixel = size_t(phase.y + v.stride * row) * size_t(v.in.w) + size_t(phase.x + v.stride * column);
        p.sums.insert(p.sums.end(), sums.begin() + int64_t(pixel) * v.in.c, sums.begin() + int64_t(pixel + 1) * v.in.c);
      }
    products.push_back(std::move(p));
  }
  return products;
}

ArrayProduct lower_backward_weights(const BackwardView& v, int image) {
  const int taps = v.kh * v.kw, inputs = v.in.c, outputs = v.out.c;
  ArrayProduct p;
  p.name = "backward_weights";
  p.rows = "[tap][input channel]", p.columns = "output channels", p.reduced = "output pixels [h][w]";
  p.k = v.out.h * v.out.w;
  p.a = operand(v.activations, taps * inputs, p.k);
  p.b = operand(v.gradient, outputs, p.k);
  p.k_shift.assign(size_t(p.k), 0);
  const Elements x(v.activations, image), g(v.gradient, image);
  size_t at = 0;
  for (int tap = 0; tap < taps; ++tap)
    for (int c = 0; c < inputs; ++c)
      for (int pixel = 0; pixel < p.k; ++pixel)
        put(p.a, at++, x, v.in, pixel / v.out.w * v.stride + tap / v.kw - v.pad, pixel % v.out.w * v.stride + tap % v.kw - v.pad,
            c);
  at = 0;
  for (int n = 0; n < outputs; ++n)
    for (int pixel = 0; pixel < p.k; ++pixel) put(p.b, at++, g, v.out, pixel / v.out.w, pixel % v.out.w, n);
  std::vector<int32_t> sums(size_t(outputs) * size_t(taps * inputs));
  v.weight_sums(image, sums.data());
  for (int m = 0; m < taps * inputs; ++m)
    for (int n = 0; n < outputs; ++n) p.sums.push_back(sums[size_t(n) * size_t(taps * inputs) + size_t(m)]);
  return p;
}

}  // namespace subbyte
