#include "base/names.h"

#include <gtest/gtest.h>

namespace subbyte {
namespace {

const std::vector<std::string> kNames = {"resnet20", "resnet18", "vgg-small", "mlp"};

TEST(Names, NearestByEditDistance) {
  EXPECT_EQ(nearest_name("resnet-20", kNames), "resnet20");
  EXPECT_EQ(nearest_name("resnt18", kNames), "resnet18");
  EXPECT_EQ(nearest_name("MLP", kNames), "mlp");
  EXPECT_EQ(nearest_name("vggsmall", kNames), "vgg-small");
}

TEST(Names, NothingNear) {
  EXPECT_EQ(nearest_name("transformer", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("xyz", {}), "");
}

TEST(Names, HintIsReadyToAppend) {
  EXPECT_EQ(did_you_mean("mpl", kNames), "");  // two of three letters differ
  EXPECT_EQ(did_you_mean("mlpp", kNames), " (did you mean 'mlp'?)");
}

}  // namespace
}  // namespace subbyte
