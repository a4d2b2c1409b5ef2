// From pixels to the first product's codes: one table of 256 codes a channel, of (pixel / 255 - mean) / deviation.
#include <algorithm>
#include <array>
#include <cmath>

#include "nn/integer/grid.h"
#include "nn/integer/input.h"

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

void InputQuantizer::run(Context& ctx, const uint8_t* pixels, Value& value) const {
  const int channels = value.shape.c;
  const int64_t elements = value.shape.elements();
  Codes& codes = value.codes;
  codes.bits = bits_;
  codes.zero = 1 << (bits_ - 1);
  codes.scale = scale_;
  codes.groups = 1;
  codes.shift.assign(channels, 0);
  codes.image_bytes = packed_bytes(elements, bits_);
  codes.packed.resize(size_t(codes.image_bytes) * ctx.images);
  ctx.pool.run(ctx.images, [&](int, int begin, int end) {
    Buffer<uint8_t> bytes(size_t(elements) + 8);
    for (int i = begin; i < end; ++i) {
      const uint8_t* in = pixels + i * elements;
      for (int64_t e = 0; e < elements; e += channels)
        for (int c = 0; c < channels; ++c) bytes[e + c] = table_[c][in[e + c]];
      ctx.quantize.pack(bytes.data(), elements, bits_, codes.image(i));
    }
  });
}

}  // namespace subbyte
