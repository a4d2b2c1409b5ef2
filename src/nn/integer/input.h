// Pixels to codes.
#pragma once
#include <array>
#include <vector>

#include "nn/integer/context.h"

namespace subbyte {

class InputQuantizer {
 public:
  InputQuantizer() = default;
  InputQuantizer(const NetworkConfig&, int bits);
  /// pixels [images][h][w][c].
  void run(Context&, const uint8_t* pixels, Value&);

 private:
  int bits_ = 8;
  double scale_ = 1;
  std::vector<std::array<uint8_t, 256>> table_;
};

}  // namespace subbyte
