#include "cli/bench/norm_rig.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "cli/bench/random_values.h"

namespace subbyte::bench {
namespace {

void fill(Stream& stream, StepMemory& pool, int64_t count, uint32_t seed) {
  stream.scale = 1.0 / 4096;
  stream.top = 16000;
  stream.memory = pool.take(count);
  RandomValues random(seed);
  for (int64_t i = 0; i < count; ++i)
    (*stream.memory)[size_t(i)] = int16_t(random.uniform(-8000, 8000) + random.uniform(-8000, 8000));
}

/// What a product knows of its output.
void measure(Stream& y, int64_t count, int channels) {
  y.sum.assign(size_t(channels), 0);
  y.low.assign(size_t(channels), INT32_MAX);
  y.high.assign(size_t(channels), INT32_MIN);
  for (int64_t i = 0; i < count; ++i) {
    const int32_t v = (*y.memory)[size_t(i)];
    const size_t c = size_t(i % channels);
    y.sum[c] += v;
    y.low[c] = std::min(y.low[c], v);
    y.high[c] = std::max(y.high[c], v);
  }
}

Param channel_param(const char* name, int channels, float first, float step) {
  Param p;
  p.name = name;
  p.shape = {channels};
  for (int c = 0; c < channels; ++c) p.value.push_back(first + step * float(c % 7));
  p.grad.assign(size_t(channels), 0);
  return p;
}

}  // namespace

NetworkConfig NormRig::config(Shape shape, NormKind kind, int threads) {
  NetworkConfig config;
  config.model.nodes.resize(2);
  config.model.nodes[0].kind = NodeKind::conv;
  config.model.nodes[0].shape = shape;
  Node& norm = config.model.nodes[1];
  norm.kind = NodeKind::norm_act;
  norm.name = "norm";
  norm.input = 0;
  norm.relu = true;
  norm.shape = shape;
  config.norm = kind;
  config.threads = threads;
  return config;
}

NormRig::NormRig(Shape shape, int images, NormKind kind, int code_bits, int threads)
    : shape_(shape), code_bits_(code_bits), ctx_(config(shape, kind, threads)),
      scale_(channel_param("norm.weight", shape.c, 0.7f, 0.1f)), offset_(channel_param("norm.bias", shape.c, -0.3f, 0.1f)) {
  ctx_.states.reserve(8);
  ctx_.values.resize(2);
  ctx_.values[0].shape = ctx_.values[1].shape = shape;
  ctx_.values[1].is_signed = false;
  ctx_.values[1].codes.bits = code_bits;
  ctx_.values[1].codes.groups = 4;
  ctx_.values[1].stream_readers = code_bits > 0 ? 0 : 1;
  ctx_.images = images;
  ctx_.training = true;
  layer_ = make_norm_layer(ctx_, 1, {&scale_, &offset_});
  fill(y_, ctx_.memory, elements(), 1);
  measure(y_, elements(), shape.c);
  fill(delta_, ctx_.memory, elements(), 2);
}

void NormRig::forward() {
  ctx_.values[1].stream.memory.reset();
  ctx_.values[0].stream = y_;  // the layer lets go of its input
  layer_->forward(ctx_);
}

void NormRig::backward() {
  Stream delta = delta_;  // masked in place: the same again from the second time on
  ctx_.values[0].gradients.clear();
  ctx_.values[1].gradients = {&delta};
  layer_->backward(ctx_);
}

void NormRig::require_same(const NormRig& expected) const {
  const auto same = [&](const Stream& a, const Stream& b) {
    return a.scale == b.scale && a.top == b.top &&
           std::memcmp(a.memory->data(), b.memory->data(), size_t(elements()) * sizeof(int16_t)) == 0;
  };
  const std::string where = fmt::format("of {}x{}x{}", shape_.h, shape_.w, shape_.c);
  const Value &found = ctx_.values[1], &wanted = expected.ctx_.values[1];
  const bool forward = code_bits_ > 0 ? found.codes.scale == wanted.codes.scale && found.codes.shift == wanted.codes.shift &&
                                            std::memcmp(found.codes.packed.data(), wanted.codes.packed.data(),
                                                        size_t(found.codes.image_bytes) * size_t(ctx_.images)) == 0
                                      : same(found.stream, wanted.stream);
  if (!forward)
    throw Error(fmt::format("check: the normalization {} differs from the scalar kernels", where));
  if (!same(*ctx_.values[0].gradients.at(0), *expected.ctx_.values[0].gradients.at(0)) ||
      scale_.grad != expected.scale_.grad || offset_.grad != expected.offset_.grad)
    throw Error(fmt::format("check: the normalization's gradient {} differs from the scalar kernels", where));
}

}  // namespace subbyte::bench
