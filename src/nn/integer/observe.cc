#include "nn/integer/observe.h"

#include <algorithm>
#include <cmath>

#include "nn/integer/activation_blocks.h"
#include "nn/integer/operands.h"

namespace subbyte {
namespace {

/// Real value of code 1, by channel.
std::vector<double> channel_units(double scale, const std::vector<int32_t>& shift, int extra = 0) {
  std::vector<double> units;
  for (int32_t n : shift) units.push_back(std::ldexp(scale, -n - extra));
  return units;
}

QuantizedView view_weights(const Param& weight, const WeightCodes& codes) {
  QuantizedView view{1, int64_t(codes.code.size()), {}};
  view.read = [&weight, &codes](int, double* before, double* after) {
    std::vector<double> units = channel_units(codes.scale, codes.shift);
    for (size_t c = 0; c < units.size(); ++c) units[c] *= codes.channel_scale[c];
    const size_t row = codes.code.size() / units.size();
    for (size_t i = 0; i < codes.code.size(); ++i) {
      before[i] = weight.value[i];
      after[i] = units[i / row] * codes.code[i];
    }
  };
  return view;
}

QuantizedView view_activations(const Context& ctx, const Value& value) {
  if (!value.stream.memory) return {};  // pixels
  QuantizedView view{ctx.images, value.shape.elements(), {}};
  view.read = [&ctx, &value](int image, double* before, double* after) {
    const int64_t elements = value.shape.elements();
    const Codes& codes = value.codes;
    std::vector<uint8_t> unpacked(size_t(elements) + 8);
    unpack_codes(ctx, codes, image, elements, unpacked.data());
    const std::vector<double> units = channel_units(codes.scale, codes.shift);
    const int16_t* z = value.stream.image(image, elements);
    for (int64_t i = 0; i < elements; ++i) {
      before[i] = value.stream.scale * z[i];
      after[i] = units[size_t(i) % units.size()] * (unpacked[size_t(i)] - codes.zero);
    }
  };
  return view;
}

}  // namespace

void observe_operands(const Context& ctx, int id, const Param& weight, const WeightCodes& codes) {
  if (!ctx.observer || !ctx.training) return;
  const Value& input = ctx.values[ctx.config.model.nodes[id].input];
  ctx.observer->on_operands({id, view_activations(ctx, input), view_weights(weight, codes), input.codes.most_shift + 1});
}

void observe_gradient(const Context& ctx, int id, const Stream& dy, Shape shape, const GradientPlan& plan,
                      const WeightCodes& weights, const Format& format, int groups) {
  if (!ctx.observer) return;
  GradientView view;
  view.node = id;
  view.images = ctx.images;
  view.shape = shape;
  view.bits = format.g;
  view.groups = groups;
  view.sample_groups = plan.samples;
  view.block_groups = plan.block + 1;
  view.range = plan.grid.range;
  view.channel_scale = weights.channel_scale;
  view.step = dy.scale * plan.grid.range / top_code(format.g, true);
  view.channel_shift = plan.grid.shift;
  view.sample_shift = plan.sample;
  view.unit = dy.scale;
  view.stream = dy.image(0, plan.elements);
  GradientCodes rounded;
  view.round = [&](int image, int rounding, double* after) {
    // The tensor keys the random numbers; nodes are far fewer than 2^16.
    quantize_gradient(ctx, dy, plan, uint32_t(id) + (uint32_t(rounding) << 16), image, rounded);
    const std::vector<double> units = channel_units(plan.grid.scale, plan.grid.shift, plan.sample[image]);
    for (int64_t i = 0; i < plan.elements; ++i) after[i] = units[size_t(i) % units.size()] * rounded.codes[size_t(i)];
  };
  ctx.observer->on_gradient(view);
}

CodesView view_codes(const Context& ctx, const Value& value) {
  const Codes& codes = value.codes;
  const int64_t elements = value.shape.elements();
  CodesView view{codes.bits, codes.zero != 0, codes.zero, codes.groups, codes.most_shift, codes.shift, elements, {}};
  view.read = [&ctx, &codes, elements](int image, int16_t* code, uint8_t* shift) {
    std::vector<uint8_t> unpacked(size_t(elements) + 8);
    ctx.quantize.unpack(codes.image(image), elements, codes.bits, unpacked.data());
    for (int64_t i = 0; i < elements; ++i) code[i] = int16_t(unpacked[size_t(i)] - codes.zero);
    block_shifts(codes, image, elements, shift);
  };
  return view;
}

CodesView view_codes(const WeightCodes& codes) {
  const int groups = 1 + *std::max_element(codes.shift.begin(), codes.shift.end());
  CodesView view{codes.bits, true, 0, groups, codes.filters.most_shift, codes.shift, int64_t(codes.code.size()), {}};
  view.read = [&codes](int, int16_t* code, uint8_t* shift) {
    // A filter has the smallest shift by which its operands are codes: with less its largest weight would clip.
    const auto [taps, most_shift] = codes.filters;
    const size_t outputs = codes.shift.size(), channels = codes.code.size() / outputs / size_t(taps);
    for (size_t n = 0; n < outputs; ++n)
      for (size_t c = 0; c < channels; ++c) {
        const auto at = [&](int tap) { return (n * size_t(taps) + size_t(tap)) * channels + c; };
        int most = 0, u = 0;
        for (int tap = 0; tap < taps; ++tap) most = std::max(most, std::abs(int(codes.code[at(tap)])));
        while (most > top_code(codes.bits, true) << u) ++u;
        for (int tap = 0; tap < taps; ++tap) code[at(tap)] = int16_t(codes.code[at(tap)] >> u), shift[at(tap)] = uint8_t(u);
      }
  };
  return view;
}

CodesView view_codes(const Context& ctx, int id, const Stream& dy, const GradientPlan& plan, const Format& format, int groups,
                     RandomUse use) {
  CodesView view{format.g, true, 0, groups, plan.block, plan.grid.shift, plan.elements, {}};
  view.read = [&ctx, &dy, &plan, id, use](int image, int16_t* code, uint8_t* shift) {
    GradientCodes rounded;
    quantize_gradient(ctx, dy, plan, uint32_t(id), image, rounded, use);
    block_shifts(dy, plan, image, shift);
    for (int64_t i = 0; i < plan.elements; ++i) code[i] = int16_t(rounded.codes[size_t(i)] / (1 << shift[i]));
  };
  return view;
}

ProductView view_product(const Context& ctx, int id, const ProductShape& s) {
  return {id, ctx.images, s.kh, s.kw, s.stride, s.pad, s.in, s.out};
}

}  // namespace subbyte
