// From int16 streams to b-bit codes and back to bytes (docs/method.md, section 3).
//
//   grid      z' = multiply_high(clamp(z, limit[c]) * pow2[c], multiplier)      |z'| <= B * 2^fraction
//   nearest   q  = round half even (z' / 2^fraction)
//   stochastic q = floor((z' 2^e + u) / 2^fraction), u uniform in [0, 2^fraction), fraction <= 8: unbiased with respect to
//              z' 2^e, stored times 2^(S - e): codes of different shifts e at one scale
//
// Unsigned activations have shifts of such blocks too: nearest q = round half even (z' 2^e / 2^fraction), whose operand is
// q * 2^u, u = S - e. A block's shifts are 2 words of 32 bits for every 32 lanes: bit l of word b is bit b of lane l's u.
//
// An image is read as rows of `lanes` elements (whole pixels), and 16 rows are a block: e <= S is the largest shift by which
// the block's elements of a lane stay within limit[lane]. So 16 elements of a channel share a shift.
//
// pow2[c] = 2^(n_c + k) carries the channel's ShiftQuant shift n_c; k and `multiplier` are the tensor's. Codes of one image
// are packed as a little-endian bit stream: 8 codes in `bits` bytes. Signed codes are stored plus 2^(bits-1).
#pragma once
#include <cstdint>

#include "base/isa.h"
#include "base/philox.h"

namespace subbyte {

struct QuantizeGrid {
  const int16_t* limit;  ///< [period], clamps |z| first
  const int16_t* pow2;   ///< [period]
  int period;
  int16_t multiplier;
  int fraction;          ///< bits below the code; at least 6, of stochastic at most 8
};

/// Bytes of `count` packed codes: whole groups of 8.
inline int64_t packed_bytes(int64_t count, int bits) { return (count + 7) / 8 * bits; }

/// Where an image's random numbers start: chunk = 128 elements, 16 Philox counters.
struct RandomStream {
  PhiloxKey key;
  uint32_t first_counter, tensor, step, use;
};

/// Rows of a block of `stochastic`, and the elements of a row: the least multiple of the channels that fills 32 lanes.
inline constexpr int block_rows = 16;
inline int block_lanes(int channels) { return channels * ((31 + channels) / channels); }

/// Largest u of the blocks of activations.
inline constexpr int most_block_shift = 3;
/// Bytes of the shifts of an image's blocks.
inline int64_t block_shift_bytes(int64_t count, int channels) {
  const int64_t lanes = block_lanes(channels);
  return (count + block_rows * lanes - 1) / (block_rows * lanes) * ((lanes + 31) / 32) * 8;
}

struct QuantizeKernels {
  /// codes[i] = q + zero (0 or 2^(bits-1)), one byte each.
  void (*nearest)(const int16_t* z, int64_t count, const QuantizeGrid&, int zero, uint8_t* codes);
  /// codes[i] = q * 2^(S - e), S = `most_shift`; u is the upper `fraction` bits of random[i]. z begins a block; the last row
  /// and the last block may be shorter.
  void (*stochastic)(const int16_t* z, int64_t count, const QuantizeGrid&, int channels, int most_shift,
                     const uint8_t* random, int8_t* codes);
  /// Element e of chunk j is half e % 2 of word (e / 32), counter first + 16 j + (e % 32) / 2. Writes whole chunks.
  void (*random)(const RandomStream&, int64_t count, uint16_t* out);
  /// Codes of z to the nearest as packed bits: nearest, then pack.
  void (*nearest_packed)(const int16_t* z, int64_t count, const QuantizeGrid&, int zero, int bits, uint8_t* packed);
  /// Unsigned codes of z >= 0 with shifts of blocks up to `most_shift`: nearest, then pack; and the blocks' shifts. At most
  /// 512 channels, or a multiple of 8.
  void (*nearest_blocks)(const int16_t* z, int64_t count, const QuantizeGrid&, int channels, int most_shift, int bits,
                         uint8_t* packed, uint8_t* shifts);
  /// The operands q * 2^u, one byte each, in rows of `row` elements whose bytes begin `step` apart.
  void (*unpack_blocks)(const uint8_t* packed, const uint8_t* shifts, int64_t count, int channels, int bits, int64_t row,
                        int64_t step, uint8_t* out);
  void (*pack)(const uint8_t* codes, int64_t count, int bits, uint8_t* packed);
  /// Writes whole groups of 8 (up to 7 bytes beyond count).
  void (*unpack)(const uint8_t* packed, int64_t count, int bits, uint8_t* codes);
  /// `rows` rows of `count` codes (a multiple of 8), one behind the other; their bytes begin `step` apart.
  void (*unpack_rows)(const uint8_t* packed, int rows, int64_t count, int bits, uint8_t* codes, int64_t step);
  /// max |z| of each of `channels` channels into out (int32; |-32768| is not expected), at least what out holds.
  void (*channel_max)(const int16_t* z, int64_t count, int channels, int32_t* out);
  /// Ranges [images][channels]: image_top[i] = max over channels; with shifts, channel_top[c] = max over images of
  /// range << shift[i] instead.
  void (*fold_ranges)(const int32_t* range, int images, int channels, const int32_t* shift, int32_t* top);
  /// out[i] = codes[i] * factor[i % period] + zero, modulo 256; factor may be null: all 1.
  void (*operand)(const int8_t* codes, int64_t count, const uint8_t* factor, int period, uint8_t zero, uint8_t* out);
};

const QuantizeKernels& quantize_kernels(Isa isa);

}  // namespace subbyte
