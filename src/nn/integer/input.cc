// From pixels to the first product's codes: one table of 256 codes a channel, of (pixel / 255 - mean) / deviation.
#include <algorithm>
#include <array>
#include <cmath>

#include "nn/integer/grid.h"
#include "nn/integer/input.h"
#include "nn/integer/operands.h"

namespace subbyte {

InputQuantizer::InputQuantizer(const NetworkConfig& config, int bits) {
  const int channels = config.model.input_shape().c;
  double range = 0;
  auto real = [&](int c, int pixel) {
    const double mean = config.mean.empty() ? 0 : config.mean[c], deviation = config.stddev.empty() ? 1 : config.stddev[c];
    return (pixel / 255.0 - mean) / deviation;
  };
  for (int c = 0; c < channels; ++c) range = std::max({range, std::fabs(real(c, 0)), std::fabs(real(c, 255))});
  scale_ = std::max(range, 1e-30) / top_code(bits, true);
  bits_ = bits;
  table_.resize(channels);
  for (int c = 0; c < channels; ++c)
    for (int pixel = 0; pixel < 256; ++pixel)
      table_[c][pixel] = uint8_t(int(std::nearbyint(real(c, pixel) / scale_)) + (1 << (bits - 1)));
}

namespace {

/// codes[e] = table of e's channel [pixels[e]]. A known number of channels keeps the tables' addresses in registers.
template <int known>
void look_up(const std::array<uint8_t, 256>* tables, int channels, int64_t elements, const uint8_t* __restrict pixels,
             uint8_t* __restrict codes) {
  const int step = known ? known : channels;
  for (int64_t e = 0; e < elements; e += step)
    for (int c = 0; c < step; ++c) codes[e + c] = tables[c][pixels[e + c]];
}

}  // namespace

void InputQuantizer::run(Context& ctx, const uint8_t* pixels, Value& value) {
  const int channels = value.shape.c;
  const int64_t elements = value.shape.elements();
  Codes& codes = value.codes;
  codes.bits = bits_;
  codes.zero = 1 << (bits_ - 1);
  codes.scale = scale_;
  codes.groups = 1;
  codes.shift.assign(channels, 0);
  codes.image_bytes = packed_bytes(elements, bits_);
  codes.packed.clear();
  codes.packed = ctx.memory.take(BlockUse::codes, codes.image_bytes * ctx.images);
  if (ctx.planning()) return;
  const auto table = channels == 3 ? look_up<3> : channels == 1 ? look_up<1> : look_up<0>;
  ctx.pool.share(ctx.images, [&](int thread, int begin, int end) {
    PhaseTimer timer(ctx.profile, thread, 0, Phase::input);
    Buffer<uint8_t>& scratch = ctx.scratch[thread]->bytes;
    if (bits_ < 8) scratch.resize(size_t(elements) + 8);
    for (int i = begin; i < end; ++i) {
      uint8_t* bytes = bits_ == 8 ? codes.image(i) : scratch.data();  // 8-bit codes are packed as they are
      table(table_.data(), channels, elements, pixels + i * elements, bytes);
      if (bits_ < 8) ctx.quantize.pack(bytes, elements, bits_, codes.image(i));
    }
    timer.work(0, int64_t(end - begin) * (elements + codes.image_bytes));
  });
}

}  // namespace subbyte
