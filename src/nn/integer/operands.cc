#include "nn/integer/operands.h"

#include <algorithm>
#include <cstring>

#include "nn/integer/activation_blocks.h"

namespace subbyte {

namespace {
/// Joined rows are read behind the last one as far as a kernel column begins.
int read_behind(const ProductShape& s) { return s.kw - 1; }
}  // namespace

void ThreadScratch::reserve(const ScratchSizes& sizes) {
  bytes.reserve(size_t(sizes.bytes));
  norm_codes.reserve(size_t(sizes.norm_codes));
  norm_mask.reserve(size_t(sizes.norm_mask));
  stream.reserve(size_t(sizes.stream));
  positions.reserve(size_t(sizes.positions));
  image.reserve(sizes.image);
  gradient.reserve(sizes.gradient);
  dilated.reserve(sizes.dilated);
  operands.reserve(sizes.x, sizes.g);
  g.random.reserve(size_t(sizes.random));
  g.codes.reserve(size_t(sizes.codes));
  sums.reserve(size_t(sizes.sums));
  dw.reserve(size_t(sizes.dw));
  dw_total.reserve(size_t(sizes.dw_total));
}

void PaddedImage::shape(int height, int width, int frame_top, int frame_left, int bytes_a_pixel, uint8_t zero) {
  if (height == h && width == w && frame_top == top && frame_left == left && bytes_a_pixel == pixel_bytes && zero_ == zero)
    return;
  h = height;
  w = width;
  top = frame_top;
  left = frame_left;
  pixel_bytes = bytes_a_pixel;
  zero_ = zero;
  bytes.resize(size_t(size_for(h, w, pixel_bytes)));
  bytes.fill_bytes(zero);
  inner_h_ = inner_w_ = -1;
}

void PaddedImage::begin(Shape inner) {
  if (inner_h_ >= 0 && (inner.h != inner_h_ || inner.w != inner_w_)) bytes.fill_bytes(zero_);
  inner_h_ = inner.h;
  inner_w_ = inner.w;
}

void place_codes(const Context& ctx, const Codes& codes, int image, Shape shape, bool words, Buffer<uint8_t>& scratch,
                 PaddedImage& out) {
  out.begin(shape);
  const int row = shape.w * shape.c;
  const bool bytes_alone = !words && shape.c == out.pixel_bytes;
  if (bytes_alone && row % 8 == 0 && codes.most_shift == 0) {
    ctx.quantize.unpack_rows(codes.image(image), shape.h, row, codes.bits, out.interior(0, 0), out.row_bytes());
    return;
  }
  if (bytes_alone && codes.most_shift > 0) {
    const uint8_t* packed = codes.image(image);
    ctx.quantize.unpack_blocks(packed, packed + packed_bytes(shape.elements(), codes.bits), shape.elements(),
                               int(codes.shift.size()), codes.bits, row, out.row_bytes(), out.interior(0, 0));
    return;
  }
  scratch.resize(size_t(shape.elements()) + 8);
  unpack_codes(ctx, codes, image, shape.elements(), scratch.data());
  for (int y = 0; y < shape.h; ++y)
    for (int x = 0; x < shape.w; ++x) {
      const uint8_t* from = scratch.data() + (int64_t(y) * shape.w + x) * shape.c;
      uint8_t* to = out.interior(y, x);
      if (!words && out.pixel_bytes == 4) {  // what follows the channels meets weights of zero
        std::memcpy(to, from, 4);
      } else if (!words) {
        for (int c = 0; c < shape.c; ++c) to[c] = from[c];
      } else {
        int16_t* wide = reinterpret_cast<int16_t*>(to);
        for (int c = 0; c < shape.c; ++c) wide[c] = int16_t(from[c] - codes.zero);
      }
    }
}

void place_gradient(const Context& ctx, const int8_t* codes, Shape shape, bool words, const Buffer<uint8_t>& factor,
                    uint8_t zero, PaddedImage& out) {
  out.begin(shape);
  const int row = shape.w * shape.c;
  for (int y = 0; y < shape.h; ++y) {
    const int8_t* from = codes + int64_t(y) * row;
    if (!words && shape.c == out.pixel_bytes) {
      ctx.quantize.operand(from, row, factor.size() ? factor.data() : nullptr, int(factor.size()), zero, out.interior(y, 0));
      continue;
    }
    for (int x = 0; x < shape.w; ++x, from += shape.c) {
      uint8_t* to = out.interior(y, x);
      if (words) std::copy(from, from + shape.c, reinterpret_cast<int16_t*>(to));
      else ctx.quantize.operand(from, shape.c, factor.size() ? factor.data() : nullptr, int(factor.size()), zero, to);
    }
  }
}

void GradientOperands::set_geometry(const ProductShape& s, bool joins_rows) {
  shape_ = s;
  joins_rows_ = joins_rows;
  blocks = (s.out.w + 3) / 4;
  k = round_up(s.in.c, 4);
  n = round_up(s.out.c, 16);
  // A row of one channel: the stride's phases one behind the other, so that a kernel column's pixels are neighbours.
  const int needed = (s.kw - 1) / s.stride + 4 * blocks, framed = (s.in.w + 2 * s.pad + s.stride - 1) / s.stride;
  phase_bytes_ = round_up(std::max(needed, framed), 4);
  x_row = phase_bytes_ * s.stride;
  if (joins_rows && s.stride == 1) blocks = x_row / 4;
  const int rows = std::max(s.in.h + 2 * s.pad, (s.out.h - 1) * s.stride + s.kh);
  x_channel = int64_t(rows) * x_row;
  x_image = x_channel * k;
  column_offset.clear();
  for (int dx = 0; dx < s.kw; ++dx) column_offset.push_back(dx % s.stride * phase_bytes_ + dx / s.stride);
  g_image = int64_t(s.out.h) * blocks * panel_columns * 4;
}

GradientOperands::Sizes GradientOperands::image_sizes(const ProductShape& s, bool joins_rows) {
  GradientOperands one;
  one.set_geometry(s, joins_rows);
  return {one.x_image + read_behind(s), one.g_image * panels(one.n)};
}

void GradientOperands::shape(const ProductShape& s, bool joins_rows, int count, uint8_t zero) {
  images = count;
  if (s == shape_ && joins_rows == joins_rows_ && count <= capacity_ && zero == zero_) return;
  capacity_ = std::max(count, 1);
  zero_ = zero;
  set_geometry(s, joins_rows);
  x.resize(size_t(x_image) * capacity_ + read_behind(s));
  x.fill_bytes(zero);
  has_ones = zero != 0 && k > s.in.c;
  for (int slot = 0; slot < capacity_ && has_ones; ++slot)
    std::memset(x.data() + slot * x_image + s.in.c * x_channel, 1, size_t(x_channel));
  g_panel = g_image * capacity_;
  g.resize(size_t(g_panel) * panels(n));
}

void GradientOperands::load_x(const Context& ctx, const Codes& codes, int image, int slot, Buffer<uint8_t>& scratch) {
  const Shape in = shape_.in;
  const bool nibbles = codes.bits == 4 && in.c % 2 == 0 && codes.most_shift == 0;  // turned as they are
  const int stride = shape_.stride, bits = nibbles ? 4 : 8;
  const uint8_t* pixels = codes.image(image);
  if (bits == 8 && codes.bits < 8) {
    scratch.resize(size_t(in.elements()) + 8);
    unpack_codes(ctx, codes, image, in.elements(), scratch.data());
    pixels = scratch.data();
  }
  const int64_t step = int64_t(in.c) * bits / 8, row_step = in.w * step;
  // Pixel px stands at (px + pad) / stride of phase (px + pad) % stride; rows alike. Phases that no kernel tap meets stay out.
  auto first_of = [&](int phase) { return (phase - shape_.pad % stride + stride) % stride; };
  auto count_of = [&](int first, int size) { return (size - first + stride - 1) / stride; };
  for (int row_phase = 0; row_phase < std::min(stride, shape_.kh); ++row_phase)
    for (int phase = 0; phase < std::min(stride, shape_.kw); ++phase) {
      const int y = first_of(row_phase), first = first_of(phase);
      if (y >= in.h || first >= in.w) continue;
      ctx.conv.transpose({pixels + y * row_step + first * step, bits, stride * row_step, stride * step, count_of(y, in.h),
                          count_of(first, in.w), in.c,
                          x.data() + slot * x_image + int64_t(y + shape_.pad) * x_row + phase * phase_bytes_ +
                              (first + shape_.pad) / stride,
                          x_channel, int64_t(stride) * x_row});
    }
}

void GradientOperands::load_g(const Context& ctx, const int8_t* codes, int slot) {
  ctx.conv.gradient_words({reinterpret_cast<const uint8_t*>(codes), shape_.out.h, shape_.out.w, shape_.out.c, n, blocks,
                           g.data() + slot * g_image, g_panel});
}

}  // namespace subbyte
