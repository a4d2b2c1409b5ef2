#include "nn/models/models.h"

namespace subbyte::models {

ModelSpec mlp(Shape input, int classes) {
  SpecBuilder builder("mlp", input, classes);
  int x = builder.flatten("flatten", 0);
  x = builder.linear("fc1", x, 512, false);
  x = builder.norm_act("bn1", x, true);
  x = builder.linear("fc2", x, 512, false);
  x = builder.norm_act("bn2", x, true);
  builder.linear("fc", x, classes, true);
  return builder.finish();
}

}  // namespace subbyte::models
