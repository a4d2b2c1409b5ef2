#include "train/landscape.h"

#include <gtest/gtest.h>

#include <cmath>

namespace subbyte {
namespace {

/// A convolution (one filter of zeros), a norm and a classifier.
std::vector<Param> some_params() {
  SpecBuilder builder("test", {4, 4, 2}, 3);
  const int x = builder.norm_act("bn", builder.conv("conv", 0, 5, 3, 1, 1), true);
  builder.linear("fc", builder.flatten("flat", x), 3, true);
  std::vector<Param> params = make_params(builder.finish());
  initialize(params, 4);
  for (size_t i = 0; i < params[0].value.size(); ++i) params[0].value[i] *= float(i / 18);  // lengths 0 to 4
  return params;
}

TEST(Landscape, FiltersOfADirectionHaveTheWeightsLengths) {
  const std::vector<Param> params = some_params();
  const Vector values = values_of(params), random = random_direction(params, 1, 1), d = filter_direction(params, 1, 1);
  ASSERT_EQ(d.size(), values.size());
  size_t begin = 0, filters = 0;
  for (const Param& param : params) {
    const size_t rows = size_t(param.shape[0]), size = param.value.size() / rows;
    for (size_t r = 0; r < rows; ++r, begin += size, ++filters) {
      const auto part = [&](const Vector& v) { return Vector(v.data() + begin, v.data() + begin + size); };
      if (!param.is_weight) {
        EXPECT_EQ(part(d), Vector(size, 0.0)) << param.name;
        continue;
      }
      EXPECT_NEAR(length(part(d)), length(part(values)), 1e-6) << param.name << " " << r;
      // The direction itself stays the random one.
      EXPECT_NEAR(dot(part(d), part(random)), length(part(d)) * length(part(random)), 1e-6) << param.name << " " << r;
    }
  }
  EXPECT_EQ(begin, d.size());
  EXPECT_EQ(filters, 5u + 5 + 5 + 3 + 3);
}

TEST(Landscape, DirectionsFollowFromSeedAndNumber) {
  const std::vector<Param> params = some_params();
  const Vector d = random_direction(params, 1, 1);
  EXPECT_EQ(random_direction(params, 1, 1), d);
  for (const Vector& other : {random_direction(params, 2, 1), random_direction(params, 1, 2)})
    EXPECT_LT(std::abs(dot(d, other)), 5 * length(d));  // of independent numbers about |d|
  EXPECT_NEAR(dot(d, d) / double(d.size()), 1, 5 * std::sqrt(2 / double(d.size())));
}

TEST(Landscape, ValuesGoOutAndIn) {
  std::vector<Param> params = some_params(), other = some_params();
  Vector values = values_of(params);
  values.back() = 7;
  set_values(params, values);
  EXPECT_EQ(params.back().value.back(), 7.0f);
  EXPECT_EQ(params.front().value, other.front().value);
  EXPECT_EQ(values_of(params), values);
}

TEST(Landscape, CurvatureOfAParabola) {
  const auto f = [](double x) { return 3 * x * x - 5 * x + 2; };
  EXPECT_NEAR(parabola_curvature(f(-0.1), f(0), f(0.1), 0.1), 6, 1e-12);
}

}  // namespace
}  // namespace subbyte
