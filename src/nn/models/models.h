// The built-in models. A new one is a .cc file in this folder, a declaration here and a line in list.cc.
#pragma once
#include "nn/spec.h"

namespace subbyte::models {

/// CIFAR ResNets (He et al. 2016, section 4.2): 6n+2 layers, 16/32/64 channels. Sides of at least 8.
ModelSpec resnet20(Shape input, int classes);
ModelSpec resnet32(Shape input, int classes);
ModelSpec resnet56(Shape input, int classes);

/// ResNet-18, 64 to 512 channels. Sides below 64 take a 3x3 stem without pooling, others the ImageNet stem.
ModelSpec resnet18(Shape input, int classes);

/// Six 3x3 convolutions of 128, 256 and 512 channels in three pooled stages.
ModelSpec vgg_small(Shape input, int classes);

/// Two hidden layers of 512.
ModelSpec mlp(Shape input, int classes);

/// Throws UsageError where a side of `input` is shorter than `side`.
void require_side(const char* model, Shape input, int side);

}  // namespace subbyte::models
