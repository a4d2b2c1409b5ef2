#include <algorithm>

#include "train/trainer.h"

namespace subbyte {

EvalResult evaluate(Network& network, EvalSource& source, int batch) {
  EvalResult result;
  double loss = 0;
  int64_t correct = 0;
  for (int64_t begin = 0; begin < source.size(); begin += batch) {
    const Batch part = source.get(begin, static_cast<int>(std::min<int64_t>(batch, source.size() - begin)));
    const StepResult step = network.evaluate(part, nullptr);
    loss += step.loss * part.count;
    correct += step.correct;
    result.count += part.count;
  }
  if (result.count > 0) {
    result.loss = loss / double(result.count);
    result.accuracy = double(correct) / double(result.count);
  }
  return result;
}

}  // namespace subbyte
