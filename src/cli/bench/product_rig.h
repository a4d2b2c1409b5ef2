// One convolution or linear layer of the integer network alone, on random codes and gradients.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "nn/integer/product.h"

namespace subbyte::bench {

/// A distinct product of a model.
struct ProductCase {
  Node node;            ///< as in the model; a linear reads a flat input
  Shape in;
  Format format;
  bool is_signed = false, needs_input_gradient = true;
  int count = 0;        ///< in the model

  bool same_work(const ProductCase& other) const;
  /// "3x3 /2 32x32x16 -> 16x16x32".
  std::string text() const;
  int64_t macs() const { return int64_t(node.shape.elements()) * node.kernel_h * node.kernel_w * in.c; }
};

class ProductRig {
 public:
  ProductRig(const ProductCase& product, const QuantConfig& quant, int images, int threads, uint32_t seed = 1);

  void forward();
  void backward();
  /// Proves sampled elements of y, dW and dx equal to sums over the codes in plain loops; runs both passes.
  /// Throws Error naming the first that differs.
  void check();

  Context& context() { return ctx_; }
  const Stream& output() const { return ctx_.values[1].stream; }
  const ProductCase& product() const { return case_; }

 private:
  static NetworkConfig config(const ProductCase&, const QuantConfig&, int threads);
  void fill_codes(class RandomValues& random);
  WeightCodes weight_codes() const;
  void check_forward();
  void check_backward();
  int code(int image, int y, int x, int c) const;

  ProductCase case_;
  Context ctx_;
  Param weight_;
  std::unique_ptr<IntegerLayer> layer_;
  ProductGroups groups_{1, 1, 1, false};
  Stream dy_;
};

}  // namespace subbyte::bench
