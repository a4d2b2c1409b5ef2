#include "nn/integer/context.h"

#include "nn/integer/operands.h"

namespace subbyte {

Context::Context(const NetworkConfig& c)
    : config(c),
      pool(c.threads),
      isa(selected_isa()),
      conv(conv_kernels(isa)),
      norm(norm_kernels(isa)),
      norm_codes(norm_code_kernels(isa)),
      quantize(quantize_kernels(isa)),
      batch_operands(std::make_unique<GradientOperands>()),
      packed(std::make_unique<PackedWeights>()),
      folded(c.quant.norm_bits >= 8) {
  for (int t = 0; t < pool.size(); ++t) scratch.push_back(std::make_unique<ThreadScratch>());
}

Context::~Context() = default;

void Context::reserve(const ScratchSizes& sizes) {
  for (const auto& s : scratch) s->reserve(sizes);
  packed->bytes.reserve(size_t(sizes.packed));
  batch_operands->reserve(sizes.batch_x, sizes.batch_g);
}

}  // namespace subbyte
