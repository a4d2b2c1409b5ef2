#include "nn/integer/context.h"

#include "nn/integer/operands.h"

namespace subbyte {

Context::Context(const NetworkConfig& c)
    : config(c),
      pool(c.threads),
      isa(selected_isa()),
      conv(conv_kernels(isa)),
      norm(norm_kernels(isa)),
      quantize(quantize_kernels(isa)),
      batch_operands(std::make_unique<GradientOperands>()) {
  for (int t = 0; t < pool.size(); ++t) scratch.push_back(std::make_unique<ThreadScratch>());
}

Context::~Context() = default;

}  // namespace subbyte
