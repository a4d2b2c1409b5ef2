// The plain loops against which `subbyte bench products` checks a layer before it times it. Large layers have too many
// sums: a few hundred random elements of each result are compared, for equality.
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "cli/bench/product_rig.h"
#include "cli/bench/random_values.h"
#include "nn/integer/grid.h"

namespace subbyte::bench {
namespace {

constexpr int samples = 200;

template <class A, class B>
void require_equal(const A& found, const B& expected, const std::string& what) {
  if (!(found == expected)) throw Error(fmt::format("check: {}: found {}, expected {}", what, found, expected));
}

int64_t shifted(int64_t sum, int by, bool tie_down = false) {
  return by > 0 ? (sum + (int64_t{1} << (by - 1)) - tie_down) >> by : sum;
}

/// The shift by which sums of `unit` became a stream of `scale`.
int shift_of(double scale, double unit, const std::string& what) {
  int t = 0;
  require_equal(std::frexp(scale / unit, &t), 0.5, what + ", mantissa of its scale");
  return t - 1;
}

int below(RandomValues& random, int64_t count) {
  return int((int64_t(random.bits16()) << 16 | random.bits16()) % count);
}

}  // namespace

int ProductRig::code(int image, int y, int x, int c) const {
  const Shape& in = case_.in;
  if (y < 0 || x < 0 || y >= in.h || x >= in.w) return 0;
  const Codes& codes = ctx_.values[0].codes;
  const int64_t bit = ((int64_t(y) * in.w + x) * in.c + c) * codes.bits;  // little-endian bit stream
  const uint8_t* bytes = codes.image(image) + bit / 8;
  const int word = bytes[0] | (bit % 8 + codes.bits > 8 ? bytes[1] << 8 : 0);
  return (word >> bit % 8 & ((1 << codes.bits) - 1)) - codes.zero;
}

WeightCodes ProductRig::weight_codes() const {
  const int bits = case_.format.w, taps = case_.node.kernel_h * case_.node.kernel_w;
  return quantize_weights(weight_, bits, groups_.scales_w ? 0 : groups_.w, 0, filter_shifts(ctx_.config.quant, bits, taps));
}

void ProductRig::check_forward() {
  const Node& n = case_.node;
  const Codes& x = ctx_.values[0].codes;
  const WeightCodes w = weight_codes();
  const int taps = n.kernel_h * n.kernel_w, finest = groups_.a - 1;
  const int shift = shift_of(output().scale, std::ldexp(x.scale * w.scale, -finest), case_.text() + " forward");
  RandomValues random(77);
  for (int s = 0; s < samples; ++s) {
    const int i = below(random, ctx_.images), e = below(random, n.shape.elements());
    const int co = e % n.shape.c, px = e / n.shape.c % n.shape.w, py = e / n.shape.c / n.shape.w;
    int64_t sum = 0;
    for (int tap = 0; tap < taps; ++tap)
      for (int c = 0; c < case_.in.c; ++c)
        sum += int64_t(code(i, py * n.stride - n.pad + tap / n.kernel_w, px * n.stride - n.pad + tap % n.kernel_w, c)) *
               w.code[size_t((int64_t(co) * taps + tap) * case_.in.c + c)] * (1 << (finest - x.shift[size_t(c)]));
    require_equal(output().image(i, n.shape.elements())[e], shifted(sum, shift),
                  fmt::format("{} forward, image {}, element {}", case_.text(), i, e));
  }
}

void ProductRig::check_backward() {
  const Node& n = case_.node;
  const Shape &in = case_.in, &out = n.shape;
  const Codes& x = ctx_.values[0].codes;
  const WeightCodes w = weight_codes();
  const GradientPlan plan = plan_gradient(ctx_, dy_, out, case_.format.g, groups_.g, 1);
  std::vector<GradientCodes> g(static_cast<size_t>(ctx_.images));
  for (int i = 0; i < ctx_.images; ++i) quantize_gradient(ctx_, dy_, plan, 1, i, g[size_t(i)]);
  const auto gradient = [&](int i, int y, int x_, int co) {
    return int64_t(g[size_t(i)].codes[(size_t(y) * size_t(out.w) + size_t(x_)) * size_t(out.c) + size_t(co)]);
  };
  const int taps = n.kernel_h * n.kernel_w;
  RandomValues random(78);

  for (int s = 0; s < samples; ++s) {  // dW
    const int co = below(random, out.c), tap = below(random, taps), c = below(random, in.c);
    int64_t sum = 0;  // times 2^(samples of the plan - 1)
    for (int i = 0; i < ctx_.images; ++i) {
      int64_t image = 0;
      for (int y = 0; y < out.h; ++y)
        for (int px = 0; px < out.w; ++px)
          image += gradient(i, y, px, co) *
                   code(i, y * n.stride - n.pad + tap / n.kernel_w, px * n.stride - n.pad + tap % n.kernel_w, c);
      sum += image << (plan.samples - 1 - plan.sample[size_t(i)]);
    }
    const double input = std::ldexp(x.scale * plan.grid.scale, -(plan.samples - 1) - x.shift[size_t(c)]);
    const double output = std::ldexp(1.0, -plan.grid.shift[size_t(co)]) / w.channel_scale[size_t(co)];
    const size_t at = size_t((int64_t(co) * taps + tap) * in.c + c);
    require_equal(weight_.grad[at], float(double(sum) * input * output),
                  fmt::format("{} backward-weights, element {}", case_.text(), at));
  }
  if (!case_.needs_input_gradient) return;

  const Stream& dx = *ctx_.values[0].gradients.at(0);
  const int finest = groups_.g + groups_.w - 2;
  const int shift = shift_of(dx.scale, std::ldexp(plan.grid.scale * w.scale, -finest), case_.text() + " backward-data");
  for (int s = 0; s < samples; ++s) {
    const int i = below(random, ctx_.images), e = below(random, in.elements());
    const int c = e % in.c, px = e / in.c % in.w, py = e / in.c / in.w;
    int64_t sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
      const int y = py + n.pad - tap / n.kernel_w, x_ = px + n.pad - tap % n.kernel_w;
      if (y < 0 || x_ < 0 || y % n.stride || x_ % n.stride || y / n.stride >= out.h || x_ / n.stride >= out.w) continue;
      for (int co = 0; co < out.c; ++co)
        sum += gradient(i, y / n.stride, x_ / n.stride, co) * w.code[size_t((int64_t(co) * taps + tap) * in.c + c)] *
               (1 << (finest - plan.grid.shift[size_t(co)] - w.shift[size_t(co)]));
    }
    require_equal(dx.image(i, in.elements())[e], shifted(sum, shift + plan.sample[size_t(i)], plan.tie_down[size_t(i)]),
                  fmt::format("{} backward-data, image {}, element {}", case_.text(), i, e));
  }
}

void ProductRig::check() {
  forward();
  check_forward();
  backward();
  check_backward();
}

}  // namespace subbyte::bench
