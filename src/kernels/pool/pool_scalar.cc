// The specification, element by element.
#include "kernels/pool/pool.h"

namespace subbyte {
namespace {

int16_t rounded(int32_t sum, int shift) { return int16_t((sum + (shift ? 1 << (shift - 1) : 0)) >> shift); }

/// Calls f(index, input pixel) for the pixels of window (y, x) inside the image, in order.
template <class F>
void pixels_of(const PoolWindows& p, int y, int x, F f) {
  for (int i = 0; i < p.kernel_h; ++i)
    for (int j = 0; j < p.kernel_w; ++j) {
      const int iy = y * p.stride - p.pad + i, ix = x * p.stride - p.pad + j;
      if (iy >= 0 && iy < p.in_h && ix >= 0 && ix < p.in_w) f(i * p.kernel_w + j, int64_t(iy) * p.in_w + ix);
    }
}

/// Calls f(index, window) for the windows that cover input pixel (iy, ix), from the last one that starts before it.
template <class F>
void windows_of(const PoolWindows& p, int iy, int ix, F f) {
  for (int y = (iy + p.pad) / p.stride; y >= 0 && y * p.stride - p.pad + p.kernel_h > iy; --y)
    for (int x = (ix + p.pad) / p.stride; x >= 0 && x * p.stride - p.pad + p.kernel_w > ix; --x)
      if (y < p.out_h && x < p.out_w)
        f((iy + p.pad - y * p.stride) * p.kernel_w + ix + p.pad - x * p.stride, int64_t(y) * p.out_w + x);
}

void max(const PoolWindows& p, const int16_t* in, int16_t* out, uint8_t* where) {
  for (int y = 0; y < p.out_h; ++y)
    for (int x = 0; x < p.out_w; ++x)
      for (int c = 0; c < p.channels; ++c, ++out, ++where) {
        int32_t best = INT32_MIN;
        pixels_of(p, y, x, [&](int index, int64_t pixel) {
          const int16_t v = in[pixel * p.channels + c];
          if (v > best) best = v, *where = uint8_t(index);
        });
        *out = int16_t(best);
      }
}

void average(const PoolWindows& p, const int16_t* in, int shift, int16_t* out) {
  for (int y = 0; y < p.out_h; ++y)
    for (int x = 0; x < p.out_w; ++x)
      for (int c = 0; c < p.channels; ++c) {
        int32_t sum = 0;
        pixels_of(p, y, x, [&](int, int64_t pixel) { sum += in[pixel * p.channels + c]; });
        *out++ = rounded(sum, shift);
      }
}

/// `where` null: every window that covers a pixel counts.
void gather(const PoolWindows& p, const int16_t* delta, const uint8_t* where, int shift, int16_t* dx) {
  for (int iy = 0; iy < p.in_h; ++iy)
    for (int ix = 0; ix < p.in_w; ++ix)
      for (int c = 0; c < p.channels; ++c) {
        int32_t sum = 0;
        windows_of(p, iy, ix, [&](int index, int64_t window) {
          const int64_t at = window * p.channels + c;
          if (!where || where[at] == index) sum += delta[at];
        });
        *dx++ = rounded(sum, shift);
      }
}

void average_back(const PoolWindows& p, const int16_t* delta, int shift, int16_t* dx) { gather(p, delta, nullptr, shift, dx); }

}  // namespace

extern const PoolKernels pool_kernels_scalar;
const PoolKernels pool_kernels_scalar = {max, average, gather, average_back};

}  // namespace subbyte
