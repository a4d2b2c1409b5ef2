#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "nn/models/models.h"

namespace subbyte {

const std::vector<ModelEntry>& model_list() {
  static const std::vector<ModelEntry> list = {
      {"resnet20", "CIFAR ResNet, 20 layers, 16/32/64 channels", models::resnet20},
      {"resnet32", "CIFAR ResNet, 32 layers, 16/32/64 channels", models::resnet32},
      {"resnet56", "CIFAR ResNet, 56 layers, 16/32/64 channels", models::resnet56},
      {"resnet18", "ResNet-18, 64 to 512 channels; 3x3 stem below 64 pixels, ImageNet stem from there",
       models::resnet18},
      {"vgg-small", "six 3x3 convolutions of 128, 256, 512 channels, one linear", models::vgg_small},
      {"mlp", "two hidden layers of 512", models::mlp},
  };
  return list;
}

ModelSpec make_model(std::string_view name, Shape input, int classes) {
  std::vector<std::string> names;
  for (const ModelEntry& entry : model_list()) {
    if (entry.name == name) return entry.build(input, classes);
    names.push_back(entry.name);
  }
  throw UsageError("unknown model '" + std::string(name) + "'" + did_you_mean(name, names));
}

namespace models {

void require_side(const char* model, Shape input, int side) {
  if (input.h < side || input.w < side)
    throw UsageError("model " + std::string(model) + ": input of " + std::to_string(input.h) + "x" +
                     std::to_string(input.w) + " pixels found, at least " + std::to_string(side) + "x" +
                     std::to_string(side) + " expected");
}

}  // namespace models
}  // namespace subbyte
