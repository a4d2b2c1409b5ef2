// As exactness_test.cc, of a model in its own size: too long for an emulator.
#include "exactness_support.h"

namespace subbyte {
namespace {

TEST(ModelExactness, OfResnet18) {
  expect_exact(make_model("resnet18", {32, 32, 3}, 10), "w4a4g4", NormKind::l1, 4, 2);
}

}  // namespace
}  // namespace subbyte
