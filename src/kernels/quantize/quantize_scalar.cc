// The specification of the quantizer, in plain loops.
#include <vector>

#include "kernels/period.h"
#include "kernels/quantize/quantize.h"

namespace subbyte {
namespace {

int32_t grid_value(const int16_t* z, int64_t i, const QuantizeGrid& g) {
  const int32_t limit = g.limit[i % g.period];
  const int32_t clamped = z[i] > limit ? limit : z[i] < -limit ? -limit : z[i];
  return multiply_high(int16_t(clamped * g.pow2[i % g.period]), g.multiplier);
}

void nearest(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, uint8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t v = grid_value(z, i, g), half = 1 << (g.fraction - 1);
    int32_t q = (v + half) >> g.fraction;
    const bool tie = ((v + half) & ((1 << g.fraction) - 1)) == 0;
    if (tie && (q & 1)) --q;
    codes[i] = uint8_t(q + zero);
  }
}

void stochastic(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, const uint8_t* random,
                int8_t* codes) {
  const int64_t lanes = block_lanes(channels), block = lanes * block_rows;
  for (int64_t at = 0; at < count; at += block)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t end = at + block < count ? at + block : count;
      int32_t top = 0;
      for (int64_t i = at + lane; i < end; i += lanes) {
        const int32_t magnitude = z[i] < 0 ? -z[i] : z[i];
        if (magnitude > top) top = magnitude;
      }
      int e = 0;
      while (e < most_shift && top <= g.limit[lane] >> (e + 1)) ++e;
      for (int64_t i = at + lane; i < end; i += lanes) {
        const int32_t limit = g.limit[lane] >> e, clamped = z[i] > limit ? limit : z[i] < -limit ? -limit : z[i];
        const int32_t v = multiply_high(int16_t(clamped * (g.pow2[lane] << e)), g.multiplier);
        codes[i] = int8_t(((v + (random[i] >> (8 - g.fraction))) >> g.fraction) * (1 << (most_shift - e)));
      }
    }
}

void pack(const uint8_t* codes, int64_t count, int bits, uint8_t* packed);
void unpack(const uint8_t* packed, int64_t count, int bits, uint8_t* codes);

/// The two words of lane's group in the block that begins at `at`, and the lane's bit in them.
int64_t shift_word(int64_t at, int64_t lanes, int64_t lane) {
  return (at / (lanes * block_rows) * ((lanes + 31) / 32) + lane / 32) * 8 + lane % 32 / 8;
}

void nearest_blocks(const int16_t* z, int64_t count, const QuantizeGrid& g, int channels, int most_shift, int bits,
                    uint8_t* packed, uint8_t* shifts) {
  const int64_t lanes = block_lanes(channels), block = lanes * block_rows;
  std::vector<uint8_t> codes(static_cast<size_t>(count));
  for (int64_t i = 0; i < block_shift_bytes(count, channels); ++i) shifts[i] = 0;
  for (int64_t at = 0; at < count; at += block)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t end = at + block < count ? at + block : count;
      int32_t top = 0;
      for (int64_t i = at + lane; i < end; i += lanes) top = z[i] > top ? z[i] : top;
      int e = 0;
      while (e < most_shift && top <= g.limit[lane] >> (e + 1)) ++e;
      for (int b = 0; b < 2; ++b)
        if ((most_shift - e) >> b & 1) {
          uint8_t& byte = shifts[shift_word(at, lanes, lane) + 4 * b];
          byte = uint8_t(byte | 1 << lane % 8);
        }
      for (int64_t i = at + lane; i < end; i += lanes) {
        const int32_t clamped = z[i] < g.limit[lane] ? z[i] : g.limit[lane];
        const int32_t v = multiply_high(int16_t(clamped * (g.pow2[lane] << e)), g.multiplier), half = 1 << (g.fraction - 1);
        int32_t q = (v + half) >> g.fraction;
        if (((v + half) & ((1 << g.fraction) - 1)) == 0 && (q & 1)) --q;
        codes[i] = uint8_t(q);
      }
    }
  pack(codes.data(), count, bits, packed);
}

void unpack_blocks(const uint8_t* packed, const uint8_t* shifts, int64_t count, int channels, int bits, int64_t row,
                   int64_t step, uint8_t* out) {
  const int64_t lanes = block_lanes(channels);
  std::vector<uint8_t> codes(static_cast<size_t>(count) + 8);
  unpack(packed, count, bits, codes.data());
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* word = shifts + shift_word(i, lanes, i % lanes);
    const int bit = int(i % lanes % 8);
    out[i / row * step + i % row] = uint8_t(codes[i] << ((word[0] >> bit & 1) + 2 * (word[4] >> bit & 1)));
  }
}

void random(const RandomStream& s, int64_t count, uint16_t* out) {
  for (int64_t chunk = 0; chunk * 128 < count; ++chunk)
    for (uint32_t lane = 0; lane < 16; ++lane) {
      const auto words = philox(s.key, {s.first_counter + uint32_t(chunk) * 16 + lane, s.tensor, s.step, s.use});
      for (int w = 0; w < 4; ++w) {
        out[chunk * 128 + w * 32 + lane * 2] = uint16_t(words[w]);
        out[chunk * 128 + w * 32 + lane * 2 + 1] = uint16_t(words[w] >> 16);
      }
    }
}

void pack(const uint8_t* codes, int64_t count, int bits, uint8_t* packed) {
  for (int64_t i = 0; i < packed_bytes(count, bits); ++i) packed[i] = 0;
  for (int64_t i = 0; i < count; ++i)
    for (int b = 0; b < bits; ++b) {
      const int64_t bit = i * bits + b;
      packed[bit / 8] = uint8_t(packed[bit / 8] | (((codes[i] >> b) & 1) << (bit % 8)));
    }
}

void unpack(const uint8_t* packed, int64_t count, int bits, uint8_t* codes) {
  for (int64_t i = 0; i < (count + 7) / 8 * 8; ++i) {
    codes[i] = 0;
    for (int b = 0; b < bits; ++b) {
      const int64_t bit = i * bits + b;
      codes[i] = uint8_t(codes[i] | (((packed[bit / 8] >> (bit % 8)) & 1) << b));
    }
  }
}

void unpack_rows(const uint8_t* packed, int rows, int64_t count, int bits, uint8_t* codes, int64_t step) {
  for (int row = 0; row < rows; ++row) unpack(packed + row * packed_bytes(count, bits), count, bits, codes + row * step);
}

void nearest_packed(const int16_t* z, int64_t count, const QuantizeGrid& g, int zero, int bits, uint8_t* packed) {
  std::vector<uint8_t> codes(size_t(count), 0);
  nearest(z, count, g, zero, codes.data());
  pack(codes.data(), count, bits, packed);
}

void channel_max(const int16_t* z, int64_t count, int channels, int32_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t a = z[i] < 0 ? -z[i] : z[i];
    if (a > out[i % channels]) out[i % channels] = a;
  }
}

void operand(const int8_t* codes, int64_t count, const uint8_t* factor, int period, uint8_t zero, uint8_t* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = uint8_t(codes[i] * (factor ? factor[i % period] : 1) + zero);
}

void fold_ranges(const int32_t* range, int images, int channels, const int32_t* shift, int32_t* top) {
  for (int i = 0; i < (shift ? channels : images); ++i) top[i] = 0;
  for (int i = 0; i < images; ++i)
    for (int c = 0; c < channels; ++c) {
      const int32_t r = range[int64_t(i) * channels + c] << (shift ? shift[i] : 0);
      int32_t& to = top[shift ? c : i];
      if (r > to) to = r;
    }
}

}  // namespace

extern const QuantizeKernels quantize_kernels_scalar;
const QuantizeKernels quantize_kernels_scalar = {
    nearest,     stochastic,  random,      nearest_packed, nearest_blocks, unpack_blocks, pack, unpack,
    unpack_rows, channel_max, fold_ranges, operand};

}  // namespace subbyte
