// Tiles multiply bytes; all else is AVX-512's.
#include <immintrin.h>

#include "kernels/peak/peak.h"

namespace subbyte {
extern const PeakKernels peak_kernels_avx512vnni;

namespace {
#include "kernels/peak/peak_loops.inl"

constexpr int tile_rows = 16, tile_words = 16, tile_columns = 16, accumulators = 4;

struct alignas(64) Config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

/// Four tiles of sums hide the latency of 52 cycles; a product takes 16. `one` fills the operands.
#define SUBBYTE_PEAK_TILES(name, Operand, one, Sum, multiply)                                                    \
  int64_t name() {                                                                                               \
    Config config = {};                                                                                          \
    config.palette = 1;                                                                                          \
    for (int tile = 0; tile < 6; ++tile) config.rows[tile] = tile_rows, config.row_bytes[tile] = 64;             \
    alignas(64) Operand ones[tile_rows * 64 / sizeof(Operand)];                                                  \
    for (Operand& value : ones) value = one;                                                                     \
    alignas(64) Sum sums[4][tile_rows * tile_columns];                                                           \
    asm volatile("" : : "r"(&config), "r"(ones) : "memory"); /* GCC's intrinsics do not say what they read */    \
    _tile_loadconfig(&config);                                                                                   \
    _tile_zero(0);                                                                                               \
    _tile_zero(1);                                                                                               \
    _tile_zero(2);                                                                                               \
    _tile_zero(3);                                                                                               \
    _tile_loadd(4, ones, 64);                                                                                    \
    _tile_loadd(5, ones, 64);                                                                                    \
    for (int round = 0; round < peak_rounds; ++round) {                                                          \
      multiply(0, 4, 5);                                                                                         \
      multiply(1, 4, 5);                                                                                         \
      multiply(2, 4, 5);                                                                                         \
      multiply(3, 4, 5);                                                                                         \
    }                                                                                                            \
    _tile_stored(0, sums[0], 64);                                                                                \
    _tile_stored(1, sums[1], 64);                                                                                \
    _tile_stored(2, sums[2], 64);                                                                                \
    _tile_stored(3, sums[3], 64);                                                                                \
    _tile_release();                                                                                             \
    int64_t sum = 0;                                                                                             \
    for (const auto& tile : sums)                                                                                \
      for (Sum s : tile) sum += int64_t(s);                                                                      \
    return sum;                                                                                                  \
  }

SUBBYTE_PEAK_TILES(bytes, uint8_t, 1, int32_t, _tile_dpbusd)
SUBBYTE_PEAK_TILES(bf16_tiles, uint16_t, 0x3F80, float, _tile_dpbf16ps)

int64_t bf16() { return __builtin_cpu_supports("amx-bf16") ? bf16_tiles() : 0; }
int64_t words16() { return peak_kernels_avx512vnni.dot16.run(); }
int64_t fp32() { return peak_kernels_avx512vnni.fp32.run(); }

}  // namespace

extern const PeakKernels peak_kernels_amx;
const PeakKernels peak_kernels_amx = {
    {"tdpbusd tmm", int64_t{peak_rounds} * accumulators * tile_rows * tile_columns * tile_words * 4, bytes},
    {"vpdpwssd zmm", int64_t{peak_rounds} * 16 * 32, words16},
    {"tdpbf16ps tmm", int64_t{peak_rounds} * accumulators * tile_rows * tile_columns * tile_words * 2, bf16},
    {"vfmadd zmm", int64_t{peak_rounds} * 16 * 16, fp32},
    stream};

}  // namespace subbyte
