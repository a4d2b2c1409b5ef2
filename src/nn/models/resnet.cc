#include <algorithm>
#include <string>

#include "nn/models/models.h"

namespace subbyte::models {
namespace {

/// Two 3x3 convolutions and a shortcut, projected where the shape changes.
int basic_block(SpecBuilder& builder, const std::string& name, int input, int channels, int stride) {
  const bool project = stride != 1 || builder.shape(input).c != channels;
  int x = builder.conv(name + ".conv1", input, channels, 3, stride, 1);
  x = builder.norm_act(name + ".bn1", x, true);
  x = builder.conv(name + ".conv2", x, channels, 3, 1, 1);
  int shortcut = input;
  if (project) {
    shortcut = builder.conv(name + ".shortcut.0", input, channels, 1, stride, 0);
    shortcut = builder.norm_act(name + ".shortcut.1", shortcut, false);
  }
  return builder.norm_act(name + ".bn2", x, true, shortcut);
}

int stage(SpecBuilder& builder, int index, int input, int blocks, int channels, int stride) {
  int x = input;
  for (int block = 0; block < blocks; ++block) {
    const std::string name = "layer" + std::to_string(index) + "." + std::to_string(block);
    x = basic_block(builder, name, x, channels, block == 0 ? stride : 1);
  }
  return x;
}

ModelSpec classify(SpecBuilder& builder, int features, int classes) {
  int x = builder.global_avg_pool("avgpool", features);
  x = builder.flatten("flatten", x);
  builder.linear("fc", x, classes, true);
  return builder.finish();
}

ModelSpec cifar_resnet(const char* name, int blocks, Shape input, int classes) {
  require_side(name, input, 8);
  SpecBuilder builder(name, input, classes);
  int x = builder.conv("conv1", 0, 16, 3, 1, 1);
  x = builder.norm_act("bn1", x, true);
  x = stage(builder, 1, x, blocks, 16, 1);
  x = stage(builder, 2, x, blocks, 32, 2);
  x = stage(builder, 3, x, blocks, 64, 2);
  return classify(builder, x, classes);
}

}  // namespace

ModelSpec resnet20(Shape input, int classes) { return cifar_resnet("resnet20", 3, input, classes); }
ModelSpec resnet32(Shape input, int classes) { return cifar_resnet("resnet32", 5, input, classes); }
ModelSpec resnet56(Shape input, int classes) { return cifar_resnet("resnet56", 9, input, classes); }

ModelSpec resnet18(Shape input, int classes) {
  require_side("resnet18", input, 8);
  SpecBuilder builder("resnet18", input, classes);
  const bool large = std::min(input.h, input.w) >= 64;
  int x = large ? builder.conv("conv1", 0, 64, 7, 2, 3) : builder.conv("conv1", 0, 64, 3, 1, 1);
  x = builder.norm_act("bn1", x, true);
  if (large) x = builder.max_pool("maxpool", x, 3, 2, 1);
  for (int index = 1; index <= 4; ++index) x = stage(builder, index, x, 2, 32 << index, index == 1 ? 1 : 2);
  return classify(builder, x, classes);
}

}  // namespace subbyte::models
