#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "nn/network.h"
#include "nn/portable_math.h"

namespace subbyte {

StepResult softmax_cross_entropy(int count, int classes, const float* logits, const int32_t* labels, float smoothing,
                                 float* gradient) {
  StepResult result;
  if (count == 0) return result;
  std::vector<double> exponential(static_cast<size_t>(classes));
  const double off = double(smoothing) / classes, on = 1.0 - double(smoothing) + off;
  for (int i = 0; i < count; ++i) {
    const float* row = logits + size_t(i) * classes;
    const int32_t label = labels[i];
    if (label < 0 || label >= classes)
      throw Error("label " + std::to_string(label) + " of image " + std::to_string(i) + " of the batch found, 0 to " +
                  std::to_string(classes - 1) + " expected");
    int best = 0;
    bool finite = true;
    for (int k = 0; k < classes; ++k) {
      finite = finite && std::isfinite(row[k]);
      if (row[k] > row[best]) best = k;
    }
    result.correct += best == label;
    double sum = 0, shifted = 0;
    for (int k = 0; k < classes; ++k) {
      const double x = double(row[k]) - double(row[best]);
      exponential[k] = finite ? portable_exp(x) : std::numeric_limits<double>::quiet_NaN();
      sum += exponential[k];
      shifted += x;
    }
    if (finite) {
      const double label_logit = double(row[label]) - double(row[best]);
      result.loss += portable_log(sum) - (1.0 - double(smoothing)) * label_logit - off * shifted;
    } else {
      result.loss = std::numeric_limits<double>::quiet_NaN();
    }
    if (gradient)
      for (int k = 0; k < classes; ++k)
        gradient[size_t(i) * classes + k] = float((exponential[k] / sum - (k == label ? on : off)) / count);
  }
  result.loss /= count;
  return result;
}

}  // namespace subbyte
