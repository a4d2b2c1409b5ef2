// Trains a two-layer network whose products run in 4-bit integers, in plain loops and with no dependency: the method of
// this project in one sitting. Every buffer says its shape, and each backward product stands beside its forward.
//
//   hidden [N][H] = relu(x [N][D] * w1 [D][H])        logits [N][K] = hidden [N][H] * w2 [H][K]
//
// Build and run:  g++ -std=c++20 -O2 reference_trainer.cc -o reference_trainer && ./reference_trainer
// Exit code 0 where the network has learned the generated images, 1 where not.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr int kSide = 8, kD = kSide * kSide + 1, kH = 32, kK = 4;  // pixels and a constant 1, hidden units, classes
constexpr int kN = 32;                                            // images a step
constexpr int kBits = 4;                                          // of weights, activations and gradients
constexpr int kNg = 4;                                            // power-of-two groups over channels

std::mt19937 generator(1);
double uniform() { return generator() * 0x1p-32; }

/// A matrix of integers with one real scale: value[r][c] = scale * v[r][c].
struct Matrix {
  int rows, cols;
  double scale;
  std::vector<int64_t> v;  // [rows][cols]
  Matrix(int rows, int cols, double scale) : rows(rows), cols(cols), scale(scale), v(size_t(rows) * cols) {}
  int64_t& at(int r, int c) { return v[size_t(r) * cols + c]; }
  int64_t at(int r, int c) const { return v[size_t(r) * cols + c]; }
};

/// Real numbers (weights, the gradient of the softmax) enter the integers with 20 bits: v = round(x / scale).
Matrix fixed_point(const std::vector<float>& x, int rows, int cols) {  // x [rows][cols]
  float range = 1e-30f;
  for (float value : x) range = std::max(range, std::fabs(value));
  Matrix out(rows, cols, range / (1 << 20));
  for (size_t i = 0; i < x.size(); ++i) out.v[i] = std::llround(x[i] / out.scale);
  return out;
}

enum class Rounding { nearest_even, stochastic };

/// ShiftQuant: b-bit codes q with one real scale and a shift per channel (column):
/// value[r][c] = scale * 2^-shift[c] * q[r][c]. A channel whose range is n octaves below the tensor's gets the shift n, at most kNg - 1, so that small channels keep
/// their bits. Codes are in [-B, B], or [0, B] for an unsigned tensor; nothing is ever clipped.
///
/// Powers of two, and not free scales, because a channel is reduced over in one of the two products that use the
/// tensor: there a free scale could not leave the integer sum, while a shift is part of it. So one quantized copy serves both.
struct ShiftQuant {
  Matrix codes;            // [rows][cols]
  std::vector<int> shift;  // [cols], 0 .. kNg - 1

  ShiftQuant(const Matrix& x, bool is_signed, Rounding rounding) : codes(x.rows, x.cols, 0), shift(x.cols, kNg - 1) {
    const int64_t bound = is_signed ? (1 << (kBits - 1)) - 1 : (1 << kBits) - 1;
    std::vector<int64_t> range(x.cols, 0);  // r_c
    for (int r = 0; r < x.rows; ++r)
      for (int c = 0; c < x.cols; ++c) range[c] = std::max(range[c], std::abs(x.at(r, c)));
    const int64_t top = std::max<int64_t>(1, *std::max_element(range.begin(), range.end()));
    codes.scale = x.scale * double(top) / double(bound);
    for (int c = 0; c < x.cols; ++c) {
      for (int n = kNg - 1; n > 0 && (range[c] << n) > top; --n) shift[c] = n - 1;
      // q = v * bound * 2^shift / top as a multiply-shift: 32 fraction bits, rounded down so that |q| <= bound holds.
      const int64_t multiplier = (bound << (32 + shift[c])) / top;
      for (int r = 0; r < x.rows; ++r) codes.at(r, c) = round(x.at(r, c), multiplier, rounding);
    }
  }

  static int64_t round(int64_t v, int64_t multiplier, Rounding rounding) {
    const int64_t product = v * multiplier;  // 32 fraction bits
    // floor(x + u) is unbiased: its mean is x. Gradients need that; weights and activations have less error without.
    if (rounding == Rounding::stochastic) return (product + int64_t(generator())) >> 32;
    const int64_t floor = product >> 32, fraction = product & 0xffffffff, half = 0x80000000;
    return floor + (fraction > half || (fraction == half && (floor & 1)));
  }

  /// Codes moved to the common scale 2^-(kNg - 1): q << (kNg - 1 - shift). They fit kBits + kNg - 1 bits, so the
  /// products below are plain integer products; the fast kernels do the same inside their operands.
  Matrix aligned() const {
    Matrix out(codes.rows, codes.cols, std::ldexp(codes.scale, -(kNg - 1)));
    for (int r = 0; r < codes.rows; ++r)
      for (int c = 0; c < codes.cols; ++c) out.at(r, c) = codes.at(r, c) * (1 << (kNg - 1 - shift[c]));
    return out;
  }
};

/// y [N][M] = x [N][D] * w [D][M], reduced over D: forward.
Matrix forward_product(const Matrix& x, const Matrix& w) {
  Matrix y(x.rows, w.cols, x.scale * w.scale);
  for (int n = 0; n < x.rows; ++n)
    for (int d = 0; d < x.cols; ++d)
      for (int m = 0; m < w.cols; ++m) y.at(n, m) += x.at(n, d) * w.at(d, m);
  return y;
}

/// dx [N][D] = g [N][M] * w^T, reduced over M: backward-data.
Matrix backward_data(const Matrix& g, const Matrix& w) {
  Matrix dx(g.rows, w.rows, g.scale * w.scale);
  for (int n = 0; n < g.rows; ++n)
    for (int d = 0; d < w.rows; ++d)
      for (int m = 0; m < g.cols; ++m) dx.at(n, d) += g.at(n, m) * w.at(d, m);
  return dx;
}

/// dw [D][M] = x^T * g, reduced over N: backward-weights.
Matrix backward_weights(const Matrix& x, const Matrix& g) {
  Matrix dw(x.cols, g.cols, x.scale * g.scale);
  for (int n = 0; n < x.rows; ++n)
    for (int d = 0; d < x.cols; ++d)
      for (int m = 0; m < g.cols; ++m) dw.at(d, m) += x.at(n, d) * g.at(n, m);
  return dw;
}

/// Master weights stay real (the optimizer's exception); what enters a product is quantized anew in each step.
struct Layer {
  int inputs, outputs;
  std::vector<float> master, velocity;  // [inputs][outputs]

  Layer(int inputs, int outputs) : inputs(inputs), outputs(outputs), velocity(size_t(inputs) * outputs, 0.f) {
    for (int i = 0; i < inputs * outputs; ++i)  // uniform with He's variance, 2 / inputs
      master.push_back(float((2 * uniform() - 1) * std::sqrt(6.0 / inputs)));
  }
  ShiftQuant quantized() const { return {fixed_point(master, inputs, outputs), true, Rounding::nearest_even}; }

  void step(const Matrix& dw, float learning_rate) {  // SGD with momentum 0.9
    for (size_t i = 0; i < master.size(); ++i) {
      velocity[i] = 0.9f * velocity[i] + float(dw.scale * double(dw.v[i]));
      master[i] -= learning_rate * velocity[i];
    }
  }
};

/// Mean cross-entropy of softmax(logits [N][K]); `gradient` [N][K] is of the mean. Real numbers: the other exception.
double softmax_loss(const Matrix& logits, const std::vector<int>& labels, std::vector<float>& gradient) {
  double loss = 0;
  gradient.assign(size_t(logits.rows) * kK, 0.f);
  for (int n = 0; n < logits.rows; ++n) {
    double exps[kK], sum = 0;
    const double top = double(*std::max_element(&logits.v[n * kK], &logits.v[n * kK] + kK)) * logits.scale;
    for (int k = 0; k < kK; ++k) sum += exps[k] = std::exp(double(logits.at(n, k)) * logits.scale - top);
    for (int k = 0; k < kK; ++k)
      gradient[size_t(n) * kK + k] = float((exps[k] / sum - (k == labels[n])) / logits.rows);
    loss -= std::log(exps[labels[n]] / sum) / logits.rows;
  }
  return loss;
}

/// Noisy bytes with one bright line of 5 pixels at a random place: class 0 horizontal, 1 vertical, 2 and 3 diagonal.
void draw_images(int count, Matrix& x, std::vector<int>& labels) {  // x [count][D], labels [count]
  x = Matrix(count, kD, 1 / 255.0);
  labels.resize(count);
  for (int n = 0; n < count; ++n) {
    for (int i = 0; i < kSide * kSide; ++i) x.at(n, i) = int64_t(uniform() * 80);
    x.at(n, kD - 1) = 255;  // the constant 1, whose weights are the bias
    const int label = labels[n] = int(generator() % kK);
    const int step_r = label == 0 ? 0 : 1, step_c = label == 0 || label == 2 ? 1 : label == 1 ? 0 : -1;
    const int top = int(generator() % (step_r ? 4 : kSide));
    const int left = int(generator() % (step_c ? 4 : kSide)) + (step_c < 0 ? 4 : 0);
    for (int i = 0; i < 5; ++i) x.at(n, (top + i * step_r) * kSide + left + i * step_c) = 200 + int64_t(uniform() * 55);
  }
}

/// ReLU on the integers; channels of the result are unsigned and get their own shifts.
ShiftQuant relu(Matrix y) {
  for (int64_t& v : y.v) v = std::max<int64_t>(v, 0);
  return {y, false, Rounding::nearest_even};
}

double accuracy(const Layer& first, const Layer& second, const Matrix& x, const std::vector<int>& labels) {
  const Matrix xq = ShiftQuant(x, false, Rounding::nearest_even).aligned();
  const Matrix hidden = relu(forward_product(xq, first.quantized().aligned())).aligned();
  const Matrix logits = forward_product(hidden, second.quantized().aligned());
  int correct = 0;
  for (int n = 0; n < x.rows; ++n) {
    const int64_t* row = &logits.v[size_t(n) * kK];
    correct += std::max_element(row, row + kK) - row == labels[n];
  }
  return double(correct) / x.rows;
}

}  // namespace

int main() {
  Layer first(kD, kH), second(kH, kK);
  Matrix x(0, kD, 0), test_x(0, kD, 0);  // [N][D]
  std::vector<int> labels, test_labels;
  draw_images(1000, test_x, test_labels);

  constexpr int kSteps = 1500;
  double mean_loss = 0;
  for (int step = 1; step <= kSteps; ++step) {
    draw_images(kN, x, labels);
    // Forward. xq, w1, hidden and w2 are all that backward needs, and each is stored in kBits bits.
    const Matrix xq = ShiftQuant(x, false, Rounding::nearest_even).aligned();  // [N][D]
    const Matrix w1 = first.quantized().aligned();                             // [D][H]
    const Matrix w2 = second.quantized().aligned();                            // [H][K]
    const Matrix hidden = relu(forward_product(xq, w1)).aligned();             // [N][H]
    const Matrix logits = forward_product(hidden, w2);                         // [N][K]
    std::vector<float> dloss;                                                  // [N][K]
    mean_loss += softmax_loss(logits, labels, dloss);

    // Backward. g2 is quantized once and serves both backward_data and backward_weights.
    const Matrix g2 = ShiftQuant(fixed_point(dloss, kN, kK), true, Rounding::stochastic).aligned();  // [N][K]
    Matrix dhidden = backward_data(g2, w2);                                                          // [N][H]
    for (size_t i = 0; i < dhidden.v.size(); ++i)
      if (hidden.v[i] == 0) dhidden.v[i] = 0;  // through the ReLU, by its saved codes
    const Matrix g1 = ShiftQuant(dhidden, true, Rounding::stochastic).aligned();  // [N][H]
    const float learning_rate = 0.05f * float(kSteps - step + 1) / kSteps;
    second.step(backward_weights(hidden, g2), learning_rate);  // [H][K]
    first.step(backward_weights(xq, g1), learning_rate);       // [D][H]

    if (step % 250 == 0) {
      std::printf("step %d  loss %.3f  test accuracy %.1f%%\n", step, mean_loss / 250,
                  100 * accuracy(first, second, test_x, test_labels));
      mean_loss = 0;
    }
  }
  const bool learned = accuracy(first, second, test_x, test_labels) > 0.9;
  std::puts(learned ? "learned" : "not learned: accuracy must be above 90%");
  return learned ? 0 : 1;
}
