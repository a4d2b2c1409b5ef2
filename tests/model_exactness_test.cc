// As exactness_test.cc, of a model in its own size: too long for an emulator.
#include "exactness_support.h"

namespace subbyte {
namespace {

/// Scalar kernels take most of the time here; their threads are compared on the smaller models.
TEST(ModelExactness, OfResnet18) {
  auto ways = ways_to_run();
  std::erase_if(ways, [](const auto& way) { return way.first == Isa::scalar && way.second != 1; });
  expect_exact(make_model("resnet18", {32, 32, 3}, 10), "w4a4g4", NormKind::l1, 4, 2, ways);
}

}  // namespace
}  // namespace subbyte
