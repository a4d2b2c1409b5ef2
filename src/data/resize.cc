#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "data/image.h"

namespace subbyte {
namespace {

constexpr int kShift = 15;  // weights sum to 2^15; with 255 that stays far inside 32 bits

/// One output sample: input samples [first, first + weights.size()).
struct Taps {
  int first = 0;
  std::vector<int32_t> weights;
};

std::vector<Taps> triangle_taps(int in, int out) {
  std::vector<Taps> all(static_cast<size_t>(out));
  const double scale = double(in) / out, support = std::max(scale, 1.0);
  for (int o = 0; o < out; ++o) {
    Taps& taps = all[size_t(o)];
    const double center = (o + 0.5) * scale;
    taps.first = std::max(0, int(std::floor(center - support)));
    const int end = std::min(in, int(std::ceil(center + support)));
    std::vector<double> exact;
    double sum = 0;
    for (int i = taps.first; i < end; ++i) {
      exact.push_back(std::max(0.0, 1.0 - std::abs(i + 0.5 - center) / support));
      sum += exact.back();
    }
    double before = 0;
    int32_t given = 0;  // rounding the running sum makes no weight negative and their sum 2^15, however many there are
    for (const double part : exact) {
      before += part;
      const int32_t upto = int32_t(std::lround(before / sum * (1 << kShift)));
      taps.weights.push_back(upto - given);
      given = upto;
    }
  }
  return all;
}

/// Resamples the middle dimension of [outer][in][inner] bytes.
std::vector<uint8_t> resample(const std::vector<uint8_t>& source, size_t outer, int in, size_t inner, int out) {
  const std::vector<Taps> all = triangle_taps(in, out);
  std::vector<uint8_t> result(outer * size_t(out) * inner);
  std::vector<int32_t> sums(inner);
  uint8_t* to = result.data();
  for (size_t a = 0; a < outer; ++a) {
    const uint8_t* from = source.data() + a * size_t(in) * inner;
    for (const Taps& taps : all) {
      std::fill(sums.begin(), sums.end(), 1 << (kShift - 1));
      for (size_t t = 0; t < taps.weights.size(); ++t) {
        const uint8_t* row = from + (size_t(taps.first) + t) * inner;
        for (size_t i = 0; i < inner; ++i) sums[i] += taps.weights[t] * row[i];
      }
      for (size_t i = 0; i < inner; ++i) *to++ = uint8_t(std::clamp(sums[i] >> kShift, 0, 255));
    }
  }
  return result;
}

}  // namespace

Image resize(Image image, int height, int width) {
  // Shrinking first: a strip of 1 x 10^6 pixels, a file of 2 kB, must not become one of width x 10^6 on its way.
  if (width > image.width && height < image.height) {
    const int same = image.width;
    image = resize(std::move(image), height, same);
  }
  if (image.width != width) {
    image.pixels = resample(image.pixels, size_t(image.height), image.width, size_t(image.channels), width);
    image.width = width;
  }
  if (image.height != height) {
    image.pixels = resample(image.pixels, 1, image.height, size_t(image.width) * image.channels, height);
    image.height = height;
  }
  return image;
}

}  // namespace subbyte
