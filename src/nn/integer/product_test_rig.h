// One layer alone, and sums over the dequantized codes in plain loops that its three products must equal.
#pragma once
#include <cmath>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>

#include "nn/integer/product.h"

namespace subbyte::product_rig {

struct Trial {
  int kernel = 3, stride = 1, pad = 1;
  Shape in, out;
  bool linear = false, depthwise = false, is_signed = false;
  Format format;
  QuantConfig quant;
  int images = 2, threads = 1;
  unsigned seed = 1;
  int density = 2;         // one code in `density` is not zero
  bool largest = false;    // every operand at its maximum
  bool equal_samples = false;  // of the same range, so that every sample has the largest shift of its sums
};

inline std::string text(const Trial& t) {
  std::ostringstream os;
  os << t.in.h << "x" << t.in.w << "x" << t.in.c << " -> " << t.out.c << " kernel " << t.kernel << " stride " << t.stride
     << " pad " << t.pad << (t.linear ? " linear " : " ") << t.format.name() << " images " << t.images << " seed " << t.seed;
  return os.str();
}

/// A layer alone: node 0 holds codes, node 1 is the layer, node 2 a reader of its output.
struct Rig {
  explicit Rig(const Trial& trial) : t(trial), random(trial.seed), ctx(config(trial)) {
    ctx.states.reserve(4);
    ctx.values.resize(3);
    ctx.images = t.images;
    ctx.training = true;
    ctx.step = 7;
    Value& in = ctx.values[0];
    in.shape = t.in;
    in.is_signed = t.is_signed;
    in.codes.bits = t.format.a;
    in.codes.zero = t.is_signed ? 1 << (t.format.a - 1) : 0;
    in.codes.scale = 0.37;
    const ProductShape s{kernel(), kernel(), t.stride, t.pad, reduced(), t.out};
    in.codes.groups = std::max(1, t.quant.groups_a);
    if (!t.depthwise) in.codes.groups = product_groups(t.quant, t.format, s, !t.is_signed, true).a;
    ctx.values[1].shape = t.out;
    weight.name = "layer.weight";
    weight.shape = {t.out.c, kernel(), kernel(), t.depthwise ? 1 : reduced().c};
    weight.value.resize(size_t(t.out.c) * kernel() * kernel() * weight.shape[3]);
    weight.grad.resize(weight.value.size());
    layer = t.depthwise ? make_depthwise_layer(ctx, 1, {&weight, nullptr}, t.format, true)
                        : make_product_layer(ctx, 1, {&weight, nullptr}, t.format, true);
    std::string groups = layer->info().groups;
    scales_w = groups.starts_with("real");
    if (scales_w) groups.replace(0, 4, "1");
    char slash;
    std::istringstream(groups) >> groups_w >> slash >> groups_a >> slash >> groups_g;
    fill();
  }

  int kernel() const { return t.linear ? 1 : t.kernel; }
  Shape reduced() const { return t.linear ? Shape{1, 1, t.in.elements()} : t.in; }

  static NetworkConfig config(const Trial& t) {
    NetworkConfig config;
    config.model.nodes.resize(3);
    config.model.nodes[0].shape = t.in;
    Node& n = config.model.nodes[1];
    n.kind = t.linear ? NodeKind::linear : NodeKind::conv;
    n.name = "layer";
    n.input = 0;
    n.kernel_h = n.kernel_w = t.linear ? 1 : t.kernel;
    n.stride = t.stride;
    n.pad = t.pad;
    n.depthwise = t.depthwise;
    n.shape = t.out;
    config.model.nodes[2].input = 1;
    config.format = t.format;
    config.quant = t.quant;
    config.threads = t.threads;
    return config;
  }

  int uniform(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }

  void fill() {
    Codes& x = ctx.values[0].codes;
    const int top = top_code(x.bits, t.is_signed);
    for (int c = 0; c < t.in.c; ++c)
      x.shift.push_back(t.largest ? (c == 0 ? x.groups - 1 : 0) : uniform(0, x.groups - 1));
    const int64_t elements = t.in.elements();
    x.most_shift = activation_shift(t.quant, x.bits, t.is_signed, t.in.c);
    const int64_t packed = packed_bytes(elements, x.bits);
    x.image_bytes = activation_bytes(t.in, x.bits, x.most_shift);
    x.packed.resize(size_t(x.image_bytes) * t.images);
    for (int i = 0; i < t.images; ++i) {
      std::vector<uint8_t> bytes(size_t(elements) + 8);
      for (int64_t e = 0; e < elements; ++e) {
        const int code = t.largest ? top : uniform(0, t.density - 1) ? 0 : uniform(t.is_signed ? -top : 0, top);
        codes.push_back(code);
        bytes[e] = uint8_t(code + x.zero);
      }
      ctx.quantize.pack(bytes.data(), elements, x.bits, x.image(i));
      if (x.most_shift == 0) continue;
      for (int64_t at = packed; at < x.image_bytes; at += 8)  // two words: both bits of 32 shifts, at most x.most_shift
        for (int b = 0; b < 4; ++b) {
          const int one = x.most_shift >= 2 ? uniform(0, 255) : 0, zero = uniform(0, 255);
          x.image(i)[at + b] = uint8_t(t.largest ? (x.most_shift & 1 ? 255 : 0) : x.most_shift == 2 ? zero & ~one : zero);
          x.image(i)[at + 4 + b] = uint8_t(t.largest ? (x.most_shift & 2 ? 255 : 0) : one);
        }
      quantize_kernels(Isa::scalar).unpack_blocks(x.image(i), x.image(i) + packed, elements, t.in.c, x.bits,
                                                 elements, 0, bytes.data());
      for (int64_t e = 0; e < elements; ++e) codes[size_t(i) * size_t(elements) + size_t(e)] = bytes[size_t(e)];
    }
    const int64_t row = int64_t(weight.value.size()) / t.out.c, inputs = row / (kernel() * kernel());
    for (int n = 0; n < t.out.c; ++n) {
      // Rows and filters of different ranges, so that they have different shifts.
      const double range = t.largest ? (n == 0 ? 0.01 : 1) : std::ldexp(1.0, -uniform(0, 3));
      for (int64_t i = 0; i < row; ++i)
        weight.value[n * row + i] = float(t.largest ? range : uniform(0, t.density - 1) ? 0
                                          : std::ldexp(range, -int(i % inputs % 3)) * uniform(-100, 100) / 100);
    }
    dy.scale = 0.002;
    dy.top = 16383;
    dy.memory = ctx.memory.take(t.out.elements() * t.images);
    for (int i = 0; i < t.images; ++i) {
      const int fall = t.largest || t.equal_samples ? 0 : uniform(0, 9);
      for (int64_t e = 0; e < t.out.elements(); ++e)
        dy.image(i, t.out.elements())[e] =
            int16_t((t.largest ? (e % t.out.c == 1 ? 40 : 16383) : uniform(-16383, 16383)) >> (fall + e % t.out.c % 3));
    }
  }

  int code(int image, int y, int x, int c) const {
    if (y < 0 || x < 0 || y >= reduced().h || x >= reduced().w) return 0;
    return codes[((size_t(image) * reduced().h + y) * reduced().w + x) * reduced().c + c];
  }
  WeightCodes weight_codes() const {
    const FilterShifts filters = t.depthwise ? FilterShifts{} : filter_shifts(t.quant, t.format.w, kernel() * kernel());
    return quantize_weights(weight, t.format.w, scales_w ? 0 : groups_w, 0, filters);
  }
  int input_shift(int c) const { return ctx.values[0].codes.shift[c % t.in.c]; }

  Trial t;
  std::mt19937 random;
  Context ctx;
  Param weight;
  std::unique_ptr<IntegerLayer> layer;
  int groups_w = 0, groups_a = 0, groups_g = 0;
  bool scales_w = false;   // weights have a real scale for every output channel, and groups_w is 1
  std::vector<int> codes;  // operands of X: without the zero point, with the shifts of blocks
  Stream dy;
};

/// Throws, which ends a property's case and lets it shrink.
template <class A, class B>
void require_equal(const A& found, const B& expected, const char* what, size_t where = 0) {
  if (found == expected) return;
  std::ostringstream text;
  text << what << " at " << where;
  if constexpr (std::is_arithmetic_v<A>) text << ": found " << +found << ", expected " << +expected;
  throw std::runtime_error(text.str());
}

/// sum / 2^by to the nearest; ties go up, or down.
inline int64_t shifted(int64_t sum, int by, bool tie_down) {
  return by > 0 ? (sum + (int64_t{1} << (by - 1)) - tie_down) >> by : sum;
}

/// The shift t by which the layer's sums became a stream: scale = unit * 2^t, exactly.
inline int shift_of(double scale, double unit) {
  int t = 0;
  require_equal(std::frexp(scale / unit, &t), 0.5, "mantissa of the stream's scale");
  return t - 1;
}

/// y[p][n] = sum over taps and ci of x w, in units of the finest group.
inline std::vector<int64_t> forward_sums(const Rig& rig, const WeightCodes& w) {
  const Trial& t = rig.t;
  const Shape in = rig.reduced();
  const int taps = rig.kernel() * rig.kernel(), finest = t.depthwise ? 0 : rig.groups_a - 1;
  std::vector<int64_t> sums;
  for (int i = 0; i < t.images; ++i)
    for (int y = 0; y < t.out.h; ++y)
      for (int x = 0; x < t.out.w; ++x)
        for (int n = 0; n < t.out.c; ++n) {
          int64_t sum = 0;
          for (int tap = 0; tap < taps; ++tap) {
            const int iy = y * t.stride - t.pad + tap / rig.kernel(), ix = x * t.stride - t.pad + tap % rig.kernel();
            if (t.depthwise) {
              sum += rig.code(i, iy, ix, n) * w.code[n * taps + tap];
              continue;
            }
            for (int c = 0; c < in.c; ++c)
              sum += int64_t(rig.code(i, iy, ix, c)) * w.code[(int64_t(n) * taps + tap) * in.c + c] *
                     (1 << (finest - rig.input_shift(c)));
          }
          sums.push_back(sum);
        }
  return sums;
}

/// The stream must be the sums of each sample, shifted right.
inline void require_stream(const Stream& stream, const std::vector<int64_t>& sums, int shift,
                    const std::vector<int>& sample_shift, const std::vector<uint8_t>& tie_down, const char* what) {
  const size_t image = sums.size() / sample_shift.size();
  for (size_t e = 0; e < sums.size(); ++e)
    require_equal((*stream.memory)[e], shifted(sums[e], shift + sample_shift[e / image], tie_down[e / image]), what, e);
}

inline int64_t largest(const std::vector<int64_t>& sums, const std::vector<int>& sample_shift) {
  int64_t top = 0;
  const size_t image = sums.size() / sample_shift.size();
  for (size_t e = 0; e < sums.size(); ++e) top = std::max<int64_t>(top, std::abs(sums[e]) >> sample_shift[e / image]);
  return top;
}

inline void check_forward(Rig& rig, const WeightCodes& w) {
  const Trial& t = rig.t;
  const Codes& x = rig.ctx.values[0].codes;
  const std::vector<int64_t> sums = forward_sums(rig, w);
  const std::vector<int> none(t.images, 0);
  const double unit = std::ldexp(x.scale * w.scale, t.depthwise ? 0 : -(rig.groups_a - 1));
  for (int pass = 0; pass < 2; ++pass) {
    rig.layer->forward(rig.ctx);
    const Stream& y = rig.ctx.values[1].stream;
    const int shift = shift_of(y.scale, unit);
    // From the second step on, t follows from the largest sum: no saturation, a bit of headroom, no more.
    if (pass == 1) require_equal(shift, shift_for(largest(sums, none)), "shift of y");
    require_stream(y, sums, shift, none, std::vector<uint8_t>(t.images, 0), "y");
    std::vector<int64_t> sum(t.out.c, 0);
    std::vector<int32_t> low(t.out.c, INT32_MAX), high(t.out.c, INT32_MIN);
    for (size_t e = 0; e < sums.size(); ++e) {
      const int32_t v = (*y.memory)[e];
      require_equal(std::abs(v) <= y.top, true, "y within its bound", e);
      sum[e % t.out.c] += v;
      low[e % t.out.c] = std::min(low[e % t.out.c], v), high[e % t.out.c] = std::max(high[e % t.out.c], v);
    }
    require_equal(y.sum, sum, "sums of y");
    require_equal(y.low, low, "minima of y");
    require_equal(y.high, high, "maxima of y");
    if (!t.depthwise) require_equal(y.channel_scale, w.channel_scale, "channel scales of y");
    for (int n = 0; n < t.out.c; ++n)
      require_equal(y.channel_shift[n], w.shift[n] + (t.depthwise ? x.shift[n] : 0), "channel shift of y", n);
  }
}

struct Gradients {
  GradientPlan plan;
  std::vector<std::vector<int8_t>> codes;  // [image][p][co]
};

inline Gradients quantized(Rig& rig, RandomUse use = RandomUse::gradient) {
  Gradients g{plan_gradient(rig.ctx, rig.dy, rig.t.out, rig.t.format.g, rig.groups_g, 1), {}};
  GradientCodes codes;
  for (int i = 0; i < rig.t.images; ++i) {
    quantize_gradient(rig.ctx, rig.dy, g.plan, 1, i, codes, use);
    g.codes.emplace_back(codes.codes.data(), codes.codes.data() + rig.t.out.elements());
  }
  return g;
}

/// dW[tap][ci][n] = sum over images and p of x g, times 2^(samples - 1), the samples' shifts applied; depthwise, ci is 0.
inline std::vector<int64_t> weight_sums(const Rig& rig, const Gradients& g) {
  const Trial& t = rig.t;
  const int k = rig.kernel(), taps = k * k, inputs = rig.reduced().c, outputs = t.out.c;
  std::vector<int64_t> sums(size_t(taps) * (t.depthwise ? 1 : inputs) * outputs, 0);
  for (int i = 0; i < t.images; ++i)
    for (int y = 0; y < t.out.h; ++y)
      for (int x = 0; x < t.out.w; ++x)
        for (int tap = 0; tap < taps; ++tap)
          for (int c = 0; c < inputs; ++c) {
            const int64_t v = rig.code(i, y * t.stride - t.pad + tap / k, x * t.stride - t.pad + tap % k, c) *
                              (int64_t{1} << (g.plan.samples - 1 - g.plan.sample[i]));
            const int8_t* codes = g.codes[i].data() + (size_t(y) * t.out.w + x) * outputs;
            if (t.depthwise) {
              sums[size_t(tap) * outputs + c] += v * codes[c];
            } else if (v) {
              int64_t* to = sums.data() + (size_t(tap) * inputs + c) * outputs;
              for (int n = 0; n < outputs; ++n) to[n] += v * codes[n];
            }
          }
  return sums;
}

inline void check_weight_gradient(const Rig& rig, const WeightCodes& w, const Gradients& g,
                                  const std::vector<int64_t>& sums) {
  const Trial& t = rig.t;
  const int taps = rig.kernel() * rig.kernel(), inputs = t.depthwise ? 1 : rig.reduced().c;
  const double unit = rig.ctx.values[0].codes.scale * g.plan.grid.scale;
  for (int n = 0; n < t.out.c; ++n)
    for (int tap = 0; tap < taps; ++tap)
      for (int c = 0; c < inputs; ++c) {
        const int64_t sum = sums[(size_t(tap) * inputs + c) * t.out.c + n];
        const int input = g.plan.samples - 1 + rig.input_shift(t.depthwise ? n : c);
        const size_t at = (size_t(n) * taps + tap) * inputs + c;
        const double output = std::ldexp(1.0, -g.plan.grid.shift[n]) / w.channel_scale[n];
        require_equal(rig.weight.grad[at], float(double(sum) * std::ldexp(unit, -input) * output), "dW", at);
      }
}

/// dx[p][ci] = sum over taps and co of g w, in units of the finest group of the sample.
inline std::vector<int64_t> input_sums(const Rig& rig, const WeightCodes& w, const Gradients& g) {
  const Trial& t = rig.t;
  const Shape in = rig.reduced();
  const int k = rig.kernel(), taps = k * k, finest = rig.groups_g + rig.groups_w - 2;
  std::vector<int64_t> sums(size_t(in.elements()) * t.images, 0);
  for (int i = 0; i < t.images; ++i)
    for (int y = 0; y < t.out.h; ++y)
      for (int x = 0; x < t.out.w; ++x)
        for (int tap = 0; tap < taps; ++tap) {
          const int iy = y * t.stride - t.pad + tap / k, ix = x * t.stride - t.pad + tap % k;
          if (iy < 0 || ix < 0 || iy >= in.h || ix >= in.w) continue;
          int64_t* to = sums.data() + ((size_t(i) * in.h + iy) * in.w + ix) * in.c;
          for (int n = 0; n < t.out.c; ++n) {
            const int64_t v = int64_t(g.codes[i][(size_t(y) * t.out.w + x) * t.out.c + n]) *
                              (1 << (finest - g.plan.grid.shift[n] - w.shift[n]));
            if (t.depthwise) {
              to[n] += v * w.code[n * taps + tap];
            } else if (v) {
              for (int c = 0; c < in.c; ++c) to[c] += v * w.code[(int64_t(n) * taps + tap) * in.c + c];
            }
          }
        }
  return sums;
}

inline void check_backward(Rig& rig, const WeightCodes& w) {
  const Gradients g = quantized(rig);
  const std::vector<int64_t> sums =
      input_sums(rig, w, quantized(rig, rig.t.quant.draws_g > 1 ? RandomUse::input_gradient : RandomUse::gradient));
  const std::vector<int64_t> of_weights = weight_sums(rig, g);
  const double unit = std::ldexp(g.plan.grid.scale * w.scale, -(rig.groups_g + rig.groups_w - 2));
  for (int pass = 0; pass < 2; ++pass) {
    std::fill(rig.weight.grad.begin(), rig.weight.grad.end(), -1.0f);
    Stream dy = rig.dy;  // the layer takes the memory
    rig.ctx.values[0].gradients.clear();
    rig.ctx.values[1].gradients = {&dy};
    rig.layer->backward(rig.ctx);
    check_weight_gradient(rig, w, g, of_weights);
    require_equal(rig.ctx.values[0].gradients.size(), size_t(1), "contributions to dx");
    const Stream& dx = *rig.ctx.values[0].gradients[0];
    const int shift = shift_of(dx.scale, unit);
    if (pass == 1) require_equal(shift, shift_for(largest(sums, g.plan.sample)), "shift of dx");
    require_stream(dx, sums, shift, g.plan.sample, g.plan.tie_down, "dx");
  }
}

/// SUBBYTE_ISA, as it was before at the end.
struct ForcedIsa {
  explicit ForcedIsa(Isa isa) {
    if (const char* value = std::getenv("SUBBYTE_ISA")) before = value;
    setenv("SUBBYTE_ISA", isa_name(isa), 1);
  }
  ~ForcedIsa() { before.empty() ? unsetenv("SUBBYTE_ISA") : setenv("SUBBYTE_ISA", before.c_str(), 1); }
  std::string before;
};

/// Every product of the layer on every instruction set.
inline void check_products(const Trial& trial) {
  for (Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    Rig rig(trial);
    const WeightCodes w = rig.weight_codes();
    check_forward(rig, w);
    check_backward(rig, w);
  }
}

}  // namespace subbyte::product_rig
