#include <string>

#include "nn/models/models.h"

namespace subbyte::models {

ModelSpec vgg_small(Shape input, int classes) {
  require_side("vgg-small", input, 8);
  SpecBuilder builder("vgg-small", input, classes);
  int x = 0, layer = 0, pool = 0;
  for (const int channels : {128, 256, 512}) {
    for (int repeat = 0; repeat < 2; ++repeat) {
      const std::string number = std::to_string(++layer);
      x = builder.conv("conv" + number, x, channels, 3, 1, 1);
      x = builder.norm_act("bn" + number, x, true);
    }
    x = builder.max_pool("pool" + std::to_string(++pool), x, 2, 2, 0);
  }
  x = builder.flatten("flatten", x);
  builder.linear("fc", x, classes, true);
  return builder.finish();
}

}  // namespace subbyte::models
