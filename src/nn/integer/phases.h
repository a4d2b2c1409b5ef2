// Backward-data of a strided convolution as one undilated product for each stride phase of the input pixels:
//   dx[s r + py][s q + px] = sum over taps with (py + pad - dy) % s == 0 (columns alike)   g[r + (py + pad - dy) / s][...] * w
#pragma once
#include <vector>

#include "nn/integer/weights.h"

namespace subbyte {

struct Phase2d {
  int y = 0, x = 0;            ///< first input pixel of the phase
  int rows = 0, columns = 0;   ///< input pixels of the phase
  std::vector<int> taps;       ///< kernel taps dy * kw + dx, gradient positions ascending
  std::vector<int> row, column;///< of each tap: the gradient pixel of the phase's first input pixel, in the framed image
};

struct BackwardPhases {
  std::vector<Phase2d> phases;
  int top = 0, left = 0;       ///< frame of the gradient image before its first row and column
  int height = 0, width = 0;   ///< framed
};

BackwardPhases backward_phases(const ProductShape&);

/// Neighbouring words of one row are one longer tap: fewer, longer runs for the product. `offset` [taps] in bytes.
struct TapRuns {
  std::vector<int32_t> offset;
  int words = 0;               ///< of each run
};
TapRuns merge_taps(const std::vector<int32_t>& offset, int words);

}  // namespace subbyte
