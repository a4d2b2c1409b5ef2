// The FP32 twin's normalization: its loops in the order in which its operation runs them.
#include "cli/bench/norm_rig.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "cli/bench/random_values.h"
#ifdef SUBBYTE_WITH_FLOAT
#include "nn/float/norm_kernels.h"
#endif

namespace subbyte::bench {
#ifdef SUBBYTE_WITH_FLOAT
namespace {

class TwinNorm {
 public:
  TwinNorm(int64_t rows, int channels, ThreadPool& pool)
      : rows_(rows), c_(channels), pool_(pool), kernels_(twin::norm_kernels(twin::ElementType::f32)), x_(count()), y_(count()),
        delta_(count()), dx_(count()), mean_(c_), scale_(c_), zero_(c_, 0.0f), offset_(c_), slope_(c_),
        sums_(size_t(pool.size()) * 2 * c_) {
    RandomValues random(3);
    for (size_t i = 0; i < count(); ++i) {
      x_[i] = float(random.uniform(-8000, 8000) + random.uniform(-8000, 8000)) / 4096;
      delta_[i] = float(random.uniform(-8000, 8000)) / 4096;
    }
  }

  void forward() {
    each([&](int64_t at, int64_t rows, double* sum, double*) { kernels_.sum(&x_[at], rows, c_, sum); });
    for (size_t c = 0; c < c_; ++c) mean_[c] = float(total(0, c) / double(rows_));
    each([&](int64_t at, int64_t rows, double* sum, double*) {
      kernels_.deviation_l2(&x_[at], rows, c_, mean_.data(), sum);
    });
    for (size_t c = 0; c < c_; ++c) scale_[c] = float(1 / std::sqrt(total(0, c) / double(rows_) + 1e-5));
    each([&](int64_t at, int64_t rows, double*, double*) {
      kernels_.apply(&x_[at], nullptr, &y_[at], rows, c_, mean_.data(), scale_.data(), zero_.data(), true);
    });
  }

  void backward() {
    each([&](int64_t at, int64_t rows, double* sum, double* product) {
      kernels_.gradient_sums(&x_[at], &y_[at], &delta_[at], nullptr, rows, c_, mean_.data(), sum, product);
    });
    for (size_t c = 0; c < c_; ++c) {
      offset_[c] = float(scale_[c] * total(0, c) / double(rows_));
      slope_[c] = float(total(1, c) / double(rows_) * scale_[c] * scale_[c] * scale_[c]);
    }
    each([&](int64_t at, int64_t rows, double*, double*) {
      kernels_.gradient_l2(&x_[at], &delta_[at], &dx_[at], rows, c_, mean_.data(), scale_.data(), offset_.data(),
                           slope_.data());
    });
  }

  /// The formulas in FP64, after both passes.
  void check() const {
    for (size_t c = 0; c < c_; ++c) {
      double mean = 0, square = 0, g = 0, gx = 0;
      for (size_t i = c; i < count(); i += c_) mean += x_[i] / double(rows_);
      for (size_t i = c; i < count(); i += c_) square += (x_[i] - mean) * (x_[i] - mean) / double(rows_);
      const double inverse = 1 / std::sqrt(square + 1e-5);
      const auto normal = [&](size_t i) { return (x_[i] - mean) * inverse; };
      for (size_t i = c; i < count(); i += c_) g += delta_[i] / double(rows_), gx += delta_[i] * normal(i) / double(rows_);
      for (size_t i = c; i < count(); i += c_) {
        const double y = std::max(normal(i), 0.0), dx = inverse * (delta_[i] - g - normal(i) * gx);
        if (!(std::fabs(y_[i] - y) < 1e-4) || !(std::fabs(dx_[i] - dx) < 1e-4))
          throw Error(fmt::format("check: the twin's normalization is {} and {} at {}, expected {} and {}", y_[i], dx_[i], i,
                                  y, dx));
      }
    }
  }

 private:
  size_t count() const { return size_t(rows_) * c_; }
  /// body(first element, rows, sums, second sums) on each thread.
  template <class Body>
  void each(const Body& body) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    pool_.run(int(rows_), [&](int thread, int begin, int end) {
      double* sums = &sums_[size_t(thread) * 2 * c_];
      body(int64_t(begin) * int64_t(c_), end - begin, sums, sums + c_);
    });
  }
  double total(size_t which, size_t channel) const {
    double sum = 0;
    for (size_t t = 0; t < size_t(pool_.size()); ++t) sum += sums_[(t * 2 + which) * c_ + channel];
    return sum;
  }

  int64_t rows_;
  size_t c_;
  ThreadPool& pool_;
  const twin::NormKernels& kernels_;
  std::vector<float> x_, y_, delta_, dx_, mean_, scale_, zero_, offset_, slope_;
  std::vector<double> sums_;
};

}  // namespace

TwinTimes time_twin(int64_t rows, int channels, ThreadPool& pool, int runs, double seconds) {
  TwinNorm small(std::min<int64_t>(rows, 500), channels, pool), norm(rows, channels, pool);
  small.forward(), small.backward(), small.check();
  norm.forward(), norm.backward();
  return {timed(runs, seconds, [&] { norm.forward(); }), timed(runs, seconds, [&] { norm.backward(); })};
}
#else
TwinTimes time_twin(int64_t, int, ThreadPool&, int, double) { return {}; }
#endif

}  // namespace subbyte::bench
