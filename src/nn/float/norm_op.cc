// Batch normalization with a fused residual addition and ReLU, by the mean absolute (L1) or the root mean square (L2)
// deviation.
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "nn/float/norm_kernels.h"
#include "nn/float/op.h"

namespace subbyte::twin {
namespace {

constexpr double epsilon = 1e-5;
constexpr double kappa = 1.2533141373155003;  // sqrt(pi / 2): a Gaussian's deviation over its mean absolute deviation

class Norm : public Op {
 public:
  Norm(const OpContext& context, const Node& node, NormKind kind, float momentum, Param& scale, Param& shift,
       NormState state, const OpTensors& tensors)
      : context_(context), kernels_(norm_kernels(context.type)), l1_(kind == NormKind::l1), relu_(node.relu),
        momentum_(momentum), scale_(scale), shift_(shift), state_(state), t_(tensors), c_(node.shape.c),
        rows_(int64_t(context.count) * node.shape.h * node.shape.w), mean_(c_), inverse_(c_), sign_mean_(c_),
        factor_(c_), offset_(c_), slope_(c_), partial_(size_t(context.threads) * 2 * c_) {}

  void forward() override {
    context_.training ? forward_batch() : forward_running();
  }

  void backward() override {
    const void* mask = relu_ ? t_.y : nullptr;
#pragma omp parallel num_threads(context_.threads)
    {
      const Part part = begin_part();
      kernels_.gradient_sums(part.at(t_.x), part.at(mask), part.at(t_.dy), part.at(t_.dy_more), part.rows, c_,
                             mean_.data(), part.first, part.second);
#pragma omp barrier
#pragma omp single
      finish_gradient_sums(omp_get_num_threads());
      if (t_.dx)
        (l1_ ? kernels_.gradient_l1 : kernels_.gradient_l2)(part.at(t_.x), part.at(t_.dy), part.at(t_.dx), part.rows,
                                                            c_, mean_.data(), factor_.data(), offset_.data(),
                                                            slope_.data());
    }
  }

 private:
  /// A thread's rows and its two partial sums, set to zero.
  struct Part {
    int64_t rows;
    size_t offset;
    double *first, *second;
    void* at(void* tensor) const { return tensor ? static_cast<char*>(tensor) + offset : nullptr; }
    const void* at(const void* tensor) const { return tensor ? static_cast<const char*>(tensor) + offset : nullptr; }
  };

  Part begin_part() {
    const int thread = omp_get_thread_num(), threads = omp_get_num_threads();
    const int64_t begin = rows_ * thread / threads, end = rows_ * (thread + 1) / threads;
    Part part{end - begin, size_t(begin) * c_ * element_size(context_.type), &partial_[size_t(thread) * 2 * c_],
              &partial_[(size_t(thread) * 2 + 1) * c_]};
    std::fill(part.first, part.first + 2 * c_, 0.0);
    return part;
  }

  /// Mean over all rows of sum `which` (0 or 1) for a channel, threads in order.
  double mean_of(int which, int channel, int threads) const {
    double total = 0;
    for (int i = 0; i < threads; ++i) total += partial_[(size_t(i) * 2 + which) * c_ + channel];
    return total / double(rows_);
  }

  void forward_batch() {
#pragma omp parallel num_threads(context_.threads)
    {
      Part part = begin_part();
      kernels_.sum(part.at(t_.x), part.rows, c_, part.first);
#pragma omp barrier
#pragma omp single
      for (int i = 0; i < c_; ++i) mean_[i] = float(mean_of(0, i, omp_get_num_threads()));
      part = begin_part();
      if (l1_)
        kernels_.deviation_l1(part.at(t_.x), part.rows, c_, mean_.data(), part.first, part.second);
      else
        kernels_.deviation_l2(part.at(t_.x), part.rows, c_, mean_.data(), part.first);
#pragma omp barrier
#pragma omp single
      finish_deviation(omp_get_num_threads());
      apply(part);
    }
  }

  void finish_deviation(int threads) {
    for (int i = 0; i < c_; ++i) {
      const double spread = mean_of(0, i, threads);
      const double deviation = l1_ ? kappa * spread + epsilon : std::sqrt(spread + epsilon);
      sign_mean_[i] = mean_of(1, i, threads);
      inverse_[i] = 1.0 / deviation;
      factor_[i] = float(double(scale_.value[i]) / deviation);
      const bool first = state_.deviation[i] == 0;
      const double weight = first ? 1.0 : double(momentum_);
      state_.mean[i] = float((1.0 - weight) * state_.mean[i] + weight * mean_[i]);
      state_.deviation[i] = float((1.0 - weight) * state_.deviation[i] + weight * deviation);
    }
  }

  void forward_running() {
    for (int i = 0; i < c_; ++i) {
      mean_[i] = state_.mean[i];
      factor_[i] = state_.deviation[i] == 0 ? scale_.value[i] : scale_.value[i] / state_.deviation[i];
    }
#pragma omp parallel num_threads(context_.threads)
    apply(begin_part());
  }

  void apply(const Part& part) {
    kernels_.apply(part.at(t_.x), part.at(t_.residual), part.at(t_.y), part.rows, c_, mean_.data(), factor_.data(),
                   shift_.value.data(), relu_);
  }

  void finish_gradient_sums(int threads) {
    for (int i = 0; i < c_; ++i) {
      const double gamma = scale_.value[i], inverse = inverse_[i];
      const double delta = mean_of(0, i, threads), delta_y = mean_of(1, i, threads) * inverse;
      shift_.grad[i] = float(delta * double(rows_));
      scale_.grad[i] = float(delta_y * double(rows_));
      const double g = gamma * delta, gy = gamma * delta_y;
      factor_[i] = float(gamma * inverse);
      offset_[i] = float((l1_ ? g - kappa * sign_mean_[i] * gy : g) * inverse);
      slope_[i] = float(l1_ ? kappa * gy * inverse : gy * inverse * inverse);
    }
  }

  OpContext context_;
  const NormKernels& kernels_;
  bool l1_, relu_;
  float momentum_;
  Param &scale_, &shift_;
  NormState state_;
  OpTensors t_;
  int c_;
  int64_t rows_;
  std::vector<float> mean_;
  std::vector<double> inverse_, sign_mean_;
  std::vector<float> factor_, offset_, slope_;
  std::vector<double> partial_;  // [thread][2][c]
};

}  // namespace

std::unique_ptr<Op> make_norm(const OpContext& context, const Node& node, NormKind kind, float momentum, Param& scale,
                              Param& shift, NormState state, const OpTensors& tensors) {
  return std::make_unique<Norm>(context, node, kind, momentum, scale, shift, state, tensors);
}

}  // namespace subbyte::twin
