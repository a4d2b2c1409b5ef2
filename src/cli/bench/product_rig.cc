#include "cli/bench/product_rig.h"

#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "cli/bench/random_values.h"
#include "nn/integer/grid.h"

namespace subbyte::bench {

bool ProductCase::same_work(const ProductCase& other) const {
  const Node &a = node, &b = other.node;
  return a.kernel_h == b.kernel_h && a.kernel_w == b.kernel_w && a.stride == b.stride && a.pad == b.pad && a.shape == b.shape &&
         in == other.in && format == other.format && is_signed == other.is_signed &&
         needs_input_gradient == other.needs_input_gradient;
}

std::string ProductCase::text() const {
  const std::string stride = node.stride > 1 ? fmt::format("/{}", node.stride) : "";
  return fmt::format("{}x{}{} {}x{}x{} -> {}x{}x{}", node.kernel_h, node.kernel_w, stride, in.h, in.w, in.c, node.shape.h,
                     node.shape.w, node.shape.c);
}

NetworkConfig ProductRig::config(const ProductCase& product, const QuantConfig& quant, int threads) {
  NetworkConfig config;
  config.model.nodes.resize(3);  // the codes, the layer, a reader of its output: the layer is no head
  config.model.nodes[0].shape = product.in;
  config.model.nodes[1] = product.node;
  config.model.nodes[1].input = 0;
  config.model.nodes[2].input = 1;
  config.format = product.format;
  config.quant = quant;
  config.threads = threads;
  return config;
}

ProductRig::ProductRig(const ProductCase& product, const QuantConfig& quant, int images, int threads, uint32_t seed)
    : case_(product), ctx_(config(product, quant, threads)) {
  const Node& n = case_.node;
  ctx_.states.reserve(4);
  ctx_.values.resize(3);
  ctx_.images = images;
  ctx_.training = true;
  Value& in = ctx_.values[0];
  in.shape = case_.in;
  in.is_signed = case_.is_signed;
  in.codes.bits = case_.format.a;
  in.codes.zero = case_.is_signed ? 1 << (case_.format.a - 1) : 0;
  in.codes.scale = 0.01;
  const ProductShape shape{n.kernel_h, n.kernel_w, n.stride, n.pad, case_.in, n.shape};
  groups_ = product_groups(quant, case_.format, shape, !case_.is_signed, true);
  in.codes.groups = groups_.a;
  ctx_.values[1].shape = n.shape;

  RandomValues random(seed);
  weight_.name = n.name + ".weight";
  weight_.shape = {n.shape.c, n.kernel_h, n.kernel_w, case_.in.c};
  const int row = n.kernel_h * n.kernel_w * case_.in.c;
  for (int co = 0; co < n.shape.c; ++co)  // rows of different ranges: output channels have different shifts
    for (int i = 0; i < row; ++i) weight_.value.push_back(float(random.uniform(-1000, 1000) >> co % 4) / 1000);
  weight_.grad.resize(weight_.value.size());
  layer_ = make_product_layer(ctx_, 1, {&weight_, nullptr}, case_.format, case_.needs_input_gradient);
  fill_codes(random);

  dy_.scale = 0.001;
  dy_.top = 16383;
  const int64_t elements = n.shape.elements();
  dy_.memory = ctx_.memory.take(elements * images);
  for (int i = 0; i < images; ++i)
    for (int64_t e = 0; e < elements; ++e)
      dy_.image(i, elements)[e] = int16_t(random.uniform(-16383, 16383) >> (i % 5 + e % n.shape.c % 3));
  dy_.image_top.assign(size_t(images) * size_t(n.shape.c), 0);  // as a normalization leaves them
  for (int i = 0; i < images; ++i)
    ctx_.quantize.channel_max(dy_.image(i, elements), elements, n.shape.c, &dy_.image_top[size_t(i) * size_t(n.shape.c)]);
}

void ProductRig::fill_codes(RandomValues& random) {
  Codes& x = ctx_.values[0].codes;
  for (int c = 0; c < case_.in.c; ++c) x.shift.push_back(c % x.groups);
  const int64_t elements = case_.in.elements();
  const int top = top_code(x.bits, case_.is_signed), low = case_.is_signed ? -top : 0;
  x.image_bytes = packed_bytes(elements, x.bits);
  x.packed.resize(size_t(x.image_bytes) * ctx_.images);
  std::vector<uint8_t> bytes(size_t(elements) + 8);
  for (int i = 0; i < ctx_.images; ++i) {
    for (int64_t e = 0; e < elements; ++e) bytes[size_t(e)] = uint8_t(random.uniform(low, top) + x.zero);
    ctx_.quantize.pack(bytes.data(), elements, x.bits, x.image(i));
  }
}

void ProductRig::forward() {
  ctx_.values[1].stream.memory.reset();
  layer_->forward(ctx_);
}

void ProductRig::backward() {
  Stream dy = dy_;  // the layer takes the stream, not the memory
  for (Stream* dx : ctx_.values[0].gradients) dx->memory.reset();
  ctx_.values[0].gradients.clear();
  ctx_.values[1].gradients = {&dy};
  layer_->backward(ctx_);
}

}  // namespace subbyte::bench
