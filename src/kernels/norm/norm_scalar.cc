// The specification of the passes, element by element.
#include "kernels/norm/norm.h"
#include "kernels/period.h"

namespace subbyte {
namespace {

int32_t clamp(int32_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : v; }
int32_t sign(int32_t v) { return v < 0 ? -1 : 1; }
int32_t magnitude(int32_t v) { return v < 0 ? -v : v; }

int32_t narrow(const int32_t* acc, int pixels, int channels, int acc_stride, int t, int16_t* y, const NarrowStats& s) {
  int32_t top = 0;
  for (int p = 0; p < pixels; ++p)
    for (int c = 0; c < channels; ++c) {
      const int32_t a = acc[int64_t(p) * acc_stride + c];
      if (magnitude(a) > top) top = magnitude(a);
      const int32_t v = clamp(t ? (a + (1 << (t - 1))) >> t : a, -stream_limit, stream_limit);
      y[int64_t(p) * channels + c] = int16_t(v);
      if (!s.sum) continue;
      s.sum[c] += v;
      if (v < s.low[c]) s.low[c] = v;
      if (v > s.high[c]) s.high[c] = v;
    }
  return top;
}

void deviation(const int16_t* y, int64_t count, int channels, const int16_t* mu, bool l2, int64_t* sum) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t d = y[i] - mu[i % channels];
    sum[i % channels] += l2 ? d * d : d < 0 ? -d : d;
  }
}

void forward(const int16_t* y, int64_t count, const NormForward& f) {
  const int shift = 16 - f.bits;
  if (f.mask)
    for (int64_t i = 0; i < (count + 7) / 8; ++i) f.mask[i] = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int c = int(i % f.channels);
    const int32_t t = clamp(y[i] - f.mu[c], -f.limit[c], f.limit[c]) * f.pow2[c];
    const int32_t q = (t + (1 << (shift - 1))) >> shift;
    int32_t z = multiply_high(int16_t(q << shift), f.scale[c]) + f.offset[c];
    if (f.residual) z += multiply_high(int16_t(f.residual[i] * f.residual_pow2), f.residual_scale);
    if (f.relu && z < 0) z = 0;
    if (f.mask && z > 0) f.mask[i / 8] = uint8_t(f.mask[i / 8] | (1 << (i % 8)));
    f.z[i] = int16_t(z);
    f.q[i] = uint8_t(q + (1 << (f.bits - 1)));
    f.sign_sum[c] += sign(q);
    if (magnitude(z) > f.z_max[c]) f.z_max[c] = magnitude(z);
  }
  if (f.codes) f.codes->nearest_packed(f.z, count, f.codes->grid, f.codes->zero, f.codes->bits, f.codes->packed);
  if (f.saved) f.saved->save(count);
}

void reduce(int64_t count, const NormReduce& r) {
  if (r.saved) r.saved->restore(count, true);
  for (int64_t i = 0; i < count; ++i) {
    const int c = int(i % r.channels);
    const int32_t q = r.q[i] - (1 << (r.bits - 1));
    if (r.mask && !((r.mask[i / 8] >> (i % 8)) & 1)) r.delta[i] = 0;
    if (r.scale && multiply_high(int16_t(q << (16 - r.bits)), r.scale[c]) + r.offset[c] <= 0) r.delta[i] = 0;
    const int32_t d = r.delta[i];
    r.sum[c] += d;
    r.product[c] += int64_t(d) * q;
    if (magnitude(d) > *r.delta_max) *r.delta_max = magnitude(d);
  }
}

void backward(int64_t count, const NormBackward& b) {
  if (b.saved) b.saved->restore(count, false);
  for (int64_t i = 0; i < count; ++i) {
    const int c = int(i % b.channels);
    const int32_t q = b.q[i] - (1 << (b.bits - 1));
    const int32_t correction = b.l2 ? multiply_high(int16_t(q << (16 - b.bits)), b.slope[c]) : sign(q) * b.slope[c];
    b.dy[i] = int16_t(multiply_high(int16_t(b.delta[i] * b.delta_pow2), b.scale[c]) - b.mean[c] - correction);
    if (magnitude(b.dy[i]) > b.dy_max[c]) b.dy_max[c] = magnitude(b.dy[i]);
  }
}

void combine(const int16_t* a, int16_t a_pow2, int16_t a_scale, const int16_t* b, int16_t b_pow2, int16_t b_scale,
             int64_t count, int16_t* out) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = int16_t(multiply_high(int16_t(a[i] * a_pow2), a_scale) + multiply_high(int16_t(b[i] * b_pow2), b_scale));
}

void affine(const int16_t* y, int64_t count, const NormAffine& f) {
  for (int64_t i = 0; i < count; ++i) {
    const int c = int(i % f.channels);
    int32_t z = clamp((y[i] * f.scale[c] + f.offset[c]) >> f.shift[c], f.low[c], f.high[c]);
    if (f.residual) {
      z += multiply_high(int16_t(f.residual[i] * f.residual_pow2), f.residual_scale);
      if (f.relu && z < 0) z = 0;
    }
    f.z[i] = int16_t(z);
  }
}

}  // namespace

extern const NormKernels norm_kernels_scalar;
const NormKernels norm_kernels_scalar = {narrow, deviation, forward, reduce, backward, combine, affine};

}  // namespace subbyte
