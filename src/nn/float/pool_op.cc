#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "nn/float/bf16.h"
#include "nn/float/op.h"

namespace subbyte::twin {
namespace {

/// Visits the windows of one image: body(output position, first and last row and column inside the input).
template <class Body>
void windows(const Node& node, Shape in, const Body& body) {
  for (int oy = 0; oy < node.shape.h; ++oy) {
    const int top = oy * node.stride - node.pad;
    for (int ox = 0; ox < node.shape.w; ++ox) {
      const int left = ox * node.stride - node.pad;
      body(oy * node.shape.w + ox, std::max(top, 0), std::min(top + node.kernel_h, in.h), std::max(left, 0),
           std::min(left + node.kernel_w, in.w));
    }
  }
}

template <class T>
class Pool : public Op {
 public:
  Pool(const OpContext& context, const Node& node, Shape input, const OpTensors& tensors)
      : context_(context), node_(node), in_(input), t_(tensors) {
    if (max() && context.training) chosen_.resize(size_t(context.count) * node.shape.elements());
  }

  void forward() override {
#pragma omp parallel for schedule(static) num_threads(context_.threads)
    for (int image = 0; image < context_.count; ++image) max() ? forward_max(image) : forward_mean(image);
  }

  void backward() override {
    if (!t_.dx) return;
#pragma omp parallel for schedule(static) num_threads(context_.threads)
    for (int image = 0; image < context_.count; ++image) {
      std::fill_n(dx(image), in_.elements(), T());
      max() ? backward_max(image) : backward_mean(image);
    }
  }

 private:
  bool max() const { return node_.kind == NodeKind::max_pool; }
  const T* x(int image) const { return static_cast<const T*>(t_.x) + size_t(image) * in_.elements(); }
  T* y(int image) const { return static_cast<T*>(t_.y) + size_t(image) * node_.shape.elements(); }
  const T* dy(int image) const { return static_cast<const T*>(t_.dy) + size_t(image) * node_.shape.elements(); }
  T* dx(int image) const { return static_cast<T*>(t_.dx) + size_t(image) * in_.elements(); }

  void forward_max(int image) {
    const int c = in_.c;
    std::vector<float> best(c);
    std::vector<int32_t> where(c);
    int32_t* const chosen = chosen_.empty() ? nullptr : &chosen_[size_t(image) * node_.shape.elements()];
    windows(node_, in_, [&](int position, int top, int bottom, int left, int right) {
      std::fill(best.begin(), best.end(), -std::numeric_limits<float>::infinity());
      std::fill(where.begin(), where.end(), top * in_.w + left);
      for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column) {
          const T* pixel = x(image) + size_t(row * in_.w + column) * c;
          for (int i = 0; i < c; ++i) {
            const float value = float(pixel[i]);
            const bool better = !(value <= best[i]);  // a NaN wins, so that the loss shows it
            best[i] = better ? value : best[i];
            where[i] = better ? row * in_.w + column : where[i];
          }
        }
      T* out = y(image) + size_t(position) * c;
      for (int i = 0; i < c; ++i) out[i] = T(best[i]);
      if (chosen) std::copy(where.begin(), where.end(), chosen + size_t(position) * c);
    });
  }

  void backward_max(int image) {
    const int c = in_.c;
    const int32_t* chosen = &chosen_[size_t(image) * node_.shape.elements()];
    for (int position = 0; position < node_.shape.h * node_.shape.w; ++position)
      for (int i = 0; i < c; ++i) {
        const size_t from = size_t(position) * c + i;
        T& to = dx(image)[size_t(chosen[from]) * c + i];
        to = T(float(to) + float(dy(image)[from]));
      }
  }

  float area() const { return float(node_.kernel_h) * float(node_.kernel_w); }

  void forward_mean(int image) {
    const int c = in_.c;
    std::vector<float> sum(c);
    windows(node_, in_, [&](int position, int top, int bottom, int left, int right) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column) {
          const T* pixel = x(image) + size_t(row * in_.w + column) * c;
          for (int i = 0; i < c; ++i) sum[i] += float(pixel[i]);
        }
      T* out = y(image) + size_t(position) * c;
      for (int i = 0; i < c; ++i) out[i] = T(sum[i] / area());
    });
  }

  void backward_mean(int image) {
    const int c = in_.c;
    windows(node_, in_, [&](int position, int top, int bottom, int left, int right) {
      const T* from = dy(image) + size_t(position) * c;
      for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column) {
          T* to = dx(image) + size_t(row * in_.w + column) * c;
          for (int i = 0; i < c; ++i) to[i] = T(float(to[i]) + float(from[i]) / area());
        }
    });
  }

  OpContext context_;
  Node node_;
  Shape in_;
  OpTensors t_;
  std::vector<int32_t> chosen_;  // input position of every maximum
};

}  // namespace

std::unique_ptr<Op> make_pool(const OpContext& context, const Node& node, Shape input, const OpTensors& tensors) {
  if (context.type == ElementType::f32) return std::make_unique<Pool<float>>(context, node, input, tensors);
  return std::make_unique<Pool<Bf16>>(context, node, input, tensors);
}

}  // namespace subbyte::twin
