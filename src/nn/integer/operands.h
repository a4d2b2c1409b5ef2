// First operands of the products, per image and thread: codes unpacked into padded pixel rows, gradient codes into both
// of the forms that its two products read.
#pragma once
#include <cstdint>

#include "base/buffer.h"
#include "nn/integer/context.h"
#include "nn/integer/gradient.h"
#include "nn/integer/weights.h"

namespace subbyte {

inline int round_up(int n, int to) { return (n + to - 1) / to * to; }
inline int panels(int outputs) { return (outputs + panel_columns - 1) / panel_columns; }

/// An image as [h][w][channels] of u8 or s16 with a frame of zeros, channels padded to whole words.
struct PaddedImage {
  int h = 0, w = 0;        ///< with frame
  int top = 0, left = 0;   ///< frame before the interior
  int pixel_bytes = 0;
  Buffer<uint8_t> bytes;

  int row_bytes() const { return w * pixel_bytes; }
  static int64_t size_for(int height, int width, int bytes_a_pixel) { return int64_t(height) * width * bytes_a_pixel; }
  /// Sets the geometry; every byte becomes `zero` where it changed.
  void shape(int height, int width, int frame_top, int frame_left, int bytes_a_pixel, uint8_t zero);
  uint8_t* pixel(int y, int x) { return bytes.data() + (int64_t(y) * w + x) * pixel_bytes; }
  uint8_t* interior(int y, int x) { return pixel(y + top, x + left); }
  void reserve(int64_t size) {
    if (bytes.reserve(size_t(size))) zero_ = -1;
  }
  /// Before an image is placed: layers whose frames are equal but whose images are not must not see each other's.
  void begin(Shape);

 private:
  int zero_ = -1;
  int inner_h_ = -1, inner_w_ = -1;  // of the image placed last; every byte around it is zero_
};

/// Unpacks an image's codes [h][w][c] into the interior: as bytes, or as int16 with the zero point taken out. `scratch`
/// holds the unpacked image where it cannot be unpacked in place.
void place_codes(const Context&, const Codes&, int image, Shape, bool words, Buffer<uint8_t>& scratch, PaddedImage& out);

/// Gradient codes [h][w][c] into the interior: as bytes code * factor[c] + zero, or as int16.
/// `factor` is repeated over a period (kernels/period.h); empty: all 1.
void place_gradient(const Context&, const int8_t* codes, Shape, bool words, const Buffer<uint8_t>& factor, uint8_t zero,
                    PaddedImage& out);

/// The operands of backward-weights for several images (kernels/conv/conv.h, WeightsGradient).
struct GradientOperands {
  Buffer<uint8_t> x, g;
  int64_t x_image = 0, x_channel = 0, g_image = 0, g_panel = 0;
  int x_row = 0, blocks = 0, k = 0, n = 0, images = 0;
  std::vector<int32_t> column_offset;
  bool has_ones = false;  ///< X has a zero point and room for one more channel, which holds ones: its products sum up G

  /// What `x` and `g` of one image take.
  struct Sizes {
    int64_t x = 0, g = 0;
  };
  static Sizes image_sizes(const ProductShape&, bool joins_rows);
  void reserve(int64_t x_size, int64_t g_size) {
    if (x.reserve(size_t(x_size))) zero_ = -1;
    g.reserve(size_t(g_size));
  }
  /// Sets the geometry for up to `count` images; frames hold `zero` afterwards. `joins_rows` as ConvKernels has it.
  void shape(const ProductShape&, bool joins_rows, int count, uint8_t zero);
  /// An image's codes of X, and its gradient's, become image `slot`.
  void load_x(const Context&, const Codes&, int image, int slot, Buffer<uint8_t>& scratch);
  void load_g(const Context&, const int8_t* codes, int slot);

 private:
  void set_geometry(const ProductShape&, bool joins_rows);

  ProductShape shape_;
  bool joins_rows_ = false;
  int capacity_ = 0, zero_ = -1, phase_bytes_ = 0;
};

/// What one thread needs while it runs layers, which take turns; ScratchSizes has the same names.
struct ThreadScratch {
  void reserve(const ScratchSizes&);

  Buffer<uint8_t> bytes;          // unpacked codes of X
  Buffer<uint8_t> norm_codes;     // unpacked codes of a normalization
  Buffer<uint8_t> norm_mask;      // the mask that is saved in them
  Buffer<int16_t> stream;         // an image of a stream that nobody reads later
  Buffer<uint8_t> positions;      // of an image's maxima, as bytes
  PaddedImage image, gradient;    // operands of forward, and of backward-data
  PaddedImage dilated;            // a depthwise gradient, its pixels a stride apart
  GradientOperands operands;      // of backward-weights
  GradientCodes g;
  Buffer<int32_t> sums;           // of an image, by channel
  std::vector<int32_t> low, high; // likewise
  Buffer<int32_t> dw;             // [tap][k][n]
  std::vector<int32_t> g_sum;     // [n], zero point times the sum of G's codes, shifted like dw
  Buffer<int64_t> dw_total;       // what was flushed from dw, where has_total
  bool has_total = false;
  bool has_sums = false;          // dw is of this batch
  int pending = 0;                // images in dw since the last flush
};

}  // namespace subbyte
