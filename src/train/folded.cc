#include "train/folded.h"

#include <algorithm>
#include <vector>

namespace subbyte {
namespace {

/// Sums that become an EvalResult.
struct Totals {
  double loss = 0;
  int64_t correct = 0;
  void add(const StepResult& step, int count) {
    loss += step.loss * count;
    correct += step.correct;
  }
  EvalResult over(int64_t count) const {
    if (count == 0) return {};
    return {loss / double(count), double(correct) / double(count), count};
  }
};

}  // namespace

FoldedComparison compare_folded(Network& network, EvalSource& source, int batch) {
  FoldedComparison result;
  Totals folded, unfolded;
  const int classes = network.model().classes;
  std::vector<float> a, b;
  for (int64_t begin = 0; begin < source.size(); begin += batch) {
    const Batch part = source.get(begin, int(std::min<int64_t>(batch, source.size() - begin)));
    a.resize(size_t(part.count) * size_t(classes));
    b.resize(a.size());
    network.set_folded(false);
    unfolded.add(network.evaluate(part, b.data()), part.count);
    network.set_folded(true);
    folded.add(network.evaluate(part, a.data()), part.count);
    for (int i = 0; i < part.count; ++i) {
      const auto prediction = [&](const std::vector<float>& logits) {
        const auto row = logits.begin() + int64_t(i) * classes;
        return std::max_element(row, row + classes) - row;
      };
      result.same += prediction(a) == prediction(b);
    }
  }
  result.folded = folded.over(source.size());
  result.unfolded = unfolded.over(source.size());
  return result;
}

}  // namespace subbyte
