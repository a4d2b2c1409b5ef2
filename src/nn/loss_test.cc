#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/philox.h"
#include "nn/network.h"

namespace subbyte {
namespace {

struct Reference {
  double loss = 0;
  int correct = 0;
  std::vector<double> gradient;
};

/// The textbook formula in double precision on the C library's functions.
Reference reference(int count, int classes, const std::vector<float>& logits, const std::vector<int32_t>& labels,
                    double smoothing) {
  Reference result;
  for (int i = 0; i < count; ++i) {
    const float* row = &logits[size_t(i) * classes];
    double sum = 0, top = -1e300;
    int best = 0;
    for (int k = 0; k < classes; ++k)
      if (double(row[k]) > top) {
        top = row[k];
        best = k;
      }
    for (int k = 0; k < classes; ++k) sum += std::exp(row[k] - top);
    for (int k = 0; k < classes; ++k) {
      const double target = smoothing / classes + (k == labels[i] ? 1 - smoothing : 0);
      result.loss -= target * (row[k] - top - std::log(sum)) / count;
      result.gradient.push_back((std::exp(row[k] - top) / sum - target) / count);
    }
    result.correct += best == labels[i];
  }
  return result;
}

TEST(SoftmaxCrossEntropy, AgreesWithTheReference) {
  const bool holds = rc::check("loss, gradient and count of correct images", [] {
    const int count = *rc::gen::inRange(1, 9), classes = *rc::gen::inRange(2, 40);
    const double scale = *rc::gen::element(0.01, 1.0, 30.0, 1000.0);
    const double smoothing = *rc::gen::element(0.0, 0.1, 0.5);
    const uint64_t seed = *rc::gen::arbitrary<uint64_t>();
    std::vector<float> logits, gradient(size_t(count) * classes);
    std::vector<int32_t> labels;
    for (int i = 0; i < count * classes; ++i)
      logits.push_back(float(scale * (uniform01(random_words(seed, RandomUse::shuffle, 0, 0, uint32_t(i))[0]) - 0.5)));
    for (int i = 0; i < count; ++i) labels.push_back(*rc::gen::inRange(0, classes));
    const Reference expected = reference(count, classes, logits, labels, smoothing);
    const StepResult result =
        softmax_cross_entropy(count, classes, logits.data(), labels.data(), float(smoothing), gradient.data());
    RC_ASSERT(result.correct == expected.correct);
    RC_ASSERT(std::abs(result.loss - expected.loss) <= 1e-7 * (1 + std::abs(expected.loss)));  // smoothing is a float
    for (size_t i = 0; i < gradient.size(); ++i) RC_ASSERT(std::abs(gradient[i] - expected.gradient[i]) <= 1e-7);
  });
  EXPECT_TRUE(holds);
}

TEST(SoftmaxCrossEntropy, TiesGoToTheFirst) {
  const std::vector<float> logits = {1, 1, 0, 0, 2, 2};
  const std::vector<int32_t> labels = {0, 2};
  EXPECT_EQ(softmax_cross_entropy(2, 3, logits.data(), labels.data(), 0, nullptr).correct, 1);
}

TEST(SoftmaxCrossEntropy, ShowsValuesThatAreNotFinite) {
  const int32_t label = 0;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()})
    for (int at = 0; at < 3; ++at) {
      std::vector<float> logits = {1, 2, 3};
      logits[at] = bad;
      EXPECT_FALSE(std::isfinite(softmax_cross_entropy(1, 3, logits.data(), &label, 0, nullptr).loss)) << bad << at;
    }
}

TEST(SoftmaxCrossEntropy, NamesAWrongLabel) {
  const std::vector<float> logits = {1, 2, 3};
  const int32_t label = 3;
  try {
    softmax_cross_entropy(1, 3, logits.data(), &label, 0, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("label 3"), std::string::npos);
  }
}

}  // namespace
}  // namespace subbyte
