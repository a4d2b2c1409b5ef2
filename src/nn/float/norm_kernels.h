// Loops of batch normalization over rows of channels, chosen by instruction set. Every result is the same on each of
// them: vectors run along channels, so no sum changes its order.
#pragma once
#include "nn/float/element.h"

namespace subbyte::twin {

/// Pointers to tensors [rows][c] are of the kernels' element type; coefficients are floats [c]; sums are doubles [c]
/// and are added to.
struct NormKernels {
  void (*sum)(const void* x, int64_t rows, int c, double* total);
  /// total: |x - mean|; signs: sign(x - mean).
  void (*deviation_l1)(const void* x, int64_t rows, int c, const float* mean, double* total, double* signs);
  /// total: (x - mean)^2.
  void (*deviation_l2)(const void* x, int64_t rows, int c, const float* mean, double* total);
  /// out = (x - mean) scale + shift (+ residual), then ReLU. residual may be null; out may be x.
  void (*apply)(const void* x, const void* residual, void* out, int64_t rows, int c, const float* mean,
                const float* scale, const float* shift, bool relu);
  /// Replaces delta by (delta + more) where out > 0, else by 0; more and out (no ReLU) may be null.
  /// Sums delta, and delta (x - mean).
  void (*gradient_sums)(const void* x, const void* out, void* delta, const void* more, int64_t rows, int c,
                        const float* mean, double* delta_sum, double* product_sum);
  /// dx = scale delta - offset - slope f(x - mean); f is the sign (l1) or the identity (l2). dx may be x.
  void (*gradient_l1)(const void* x, const void* delta, void* dx, int64_t rows, int c, const float* mean,
                      const float* scale, const float* offset, const float* slope);
  void (*gradient_l2)(const void* x, const void* delta, void* dx, int64_t rows, int c, const float* mean,
                      const float* scale, const float* offset, const float* slope);
  /// to += from, over `count` elements.
  void (*add)(const void* from, void* to, int64_t count);
};

/// For the selected instruction set.
const NormKernels& norm_kernels(ElementType type);

const NormKernels& norm_kernels_portable(ElementType type);
const NormKernels& norm_kernels_avx2(ElementType type);
const NormKernels& norm_kernels_avx512vnni(ElementType type);

}  // namespace subbyte::twin
