// AVX-512 VNNI: one vpdpbusd (or vpdpwssd) multiplies and adds 16 words.
#include <immintrin.h>

#include <type_traits>
#include <utility>

#include "kernels/conv/conv.h"

namespace subbyte {
namespace {

#include "kernels/conv/conv_sse.inl"
#include "kernels/conv/conv_product.inl"
#include "kernels/conv/conv_gradient.inl"
#include "kernels/conv/conv_pack.inl"
#include "kernels/conv/conv_vnni.inl"

/// Rows of nibbles in runs of 32 pixels, the rest as everywhere.
void transpose_vnni(const Transpose& t) {
  if (t.bits != 4 || t.channels % 16 != 0 || t.count < 32) return transpose<Vnni>(t);
  const int whole = t.count / 32 * 32;
  for (int row = 0; row < t.rows; ++row)
    for (int j = 0; j < whole; j += 32)
      for (int c = 0; c < t.channels; c += 16)
        Vnni::transpose32_nibbles(t.pixels + row * t.row_step + j * t.step + c / 2, t.step,
                                  t.out + c * t.out_channel + row * t.out_row + j, t.out_channel);
  if (whole == t.count) return;
  Transpose rest = t;
  rest.pixels += whole * t.step;
  rest.out += whole;
  rest.count -= whole;
  transpose<Vnni>(rest);
}

}  // namespace

extern const ConvKernels conv_kernels_avx512vnni;
const ConvKernels conv_kernels_avx512vnni = {product<Vnni>, weights_gradient<Vnni>, transpose_vnni, gradient_words<Vnni>};

}  // namespace subbyte
