// Tensors inside a training step. A stream is int16 and transient; codes are b-bit, packed, and live until backward.
#pragma once
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "nn/integer/step_memory.h"
#include "nn/spec.h"

namespace subbyte {

/// [images][h][w][c] int16; the value of an element is scale * channel_scale[c] * 2^-channel_shift[c] * element.
struct Stream {
  StepMemory::Memory memory;
  double scale = 1;
  int32_t top = 0;                    ///< no |element| is larger
  std::vector<int32_t> channel_shift; ///< of a product's output; empty: all zero
  std::vector<double> channel_scale;  ///< of a product's output; empty: all 1. Its reader returns the gradient times it
  // Exact statistics over the batch, where the producer has them (a product's output).
  std::vector<int64_t> sum;
  std::vector<int32_t> low, high;
  std::vector<int32_t> image_top;     ///< [images][channels] max |element|, of a normalization's gradient; else empty

  int16_t* image(int64_t index, int64_t elements) { return memory->data() + index * elements; }
  const int16_t* image(int64_t index, int64_t elements) const { return memory->data() + index * elements; }
};

/// A quantized activation: value = scale * 2^-shift[c] * (code - zero), times 2^u where blocks have shifts
/// (activation_blocks.h). Every image starts at its own byte.
struct Codes {
  int bits = 0;
  int zero = 0;                  ///< 2^(bits-1) for signed codes, else 0
  double scale = 1;
  std::vector<int32_t> shift;    ///< [c], 0..groups-1
  int groups = 1;
  int most_shift = 0;            ///< the largest u; 0: blocks have none
  Buffer<uint8_t> packed;
  int64_t image_bytes = 0;

  const uint8_t* image(int64_t index) const { return packed.data() + index * image_bytes; }
  uint8_t* image(int64_t index) { return packed.data() + index * image_bytes; }
};

class GradientSink;

/// What a node produces: its stream for nodes that read int16, its codes for products.
struct Value {
  Shape shape;
  Stream stream;
  Codes codes;                   ///< bits == 0: no product reads this node
  bool is_signed = true;         ///< false after a ReLU
  int stream_readers = 0;        ///< nodes that read the stream
  std::vector<Stream*> gradients;///< contributions of the consumers, at most two; owned by them
  GradientSink* sink = nullptr;  ///< the node itself, where it takes its gradient image by image (layer.h)
  int first_reader = -1;         ///< the node whose contribution comes last
};

/// The multiplier of a stream that is to be written at another scale: pow2 * element uses all 15 bits, then multiply_high.
struct Rescale {
  int16_t pow2 = 1, multiplier = 0;
};
/// For elements up to `top`; ratio * top must be below 2^14 (the ratio is real scale in / real scale out).
Rescale make_rescale(int32_t top, double ratio);

/// Left shift k such that top << k is in [2^14, 2^15); 0 for top = 0.
int headroom_shift(int32_t top);

}  // namespace subbyte
