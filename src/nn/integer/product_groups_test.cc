// How many ShiftQuant groups a product's tensors get: what the configuration wants, as far as 32-bit sums allow.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "nn/integer/product.h"

namespace subbyte {
namespace {

TEST(ProductGroups, AreTheMostThatSumsAllow) {
  EXPECT_TRUE(rc::check("sums fit, and would not with one group more than was taken away", [] {
    const auto bits = [] { return *rc::gen::inRange(2, 9); };
    const Format f{Format::Kind::integer, bits(), bits(), bits()};
    QuantConfig q;
    q.groups_w = *rc::gen::inRange(0, 9);
    q.groups_a = *rc::gen::inRange(0, 9);
    q.groups_g = *rc::gen::inRange(0, 9);
    q.filter_groups_w = *rc::gen::inRange(0, 8);
    q.block_groups = *rc::gen::inRange(0, 9);
    q.block_groups_a = *rc::gen::inRange(0, 5);
    const bool normalized = *rc::gen::arbitrary<bool>();
    const int kernel = *rc::gen::element(1, 3, 5, 7);
    const bool is_unsigned = *rc::gen::arbitrary<bool>();
    const ProductShape s{kernel, kernel, 1, 0, {8, 8, *rc::gen::inRange(1, 5000)}, {8, 8, *rc::gen::inRange(1, 5000)}};
    const ProductGroups g = product_groups(q, f, s, is_unsigned, normalized);
    const int most = std::min(3, 8 - f.a), blocks_a = q.block_groups_a ? std::min(q.block_groups_a - 1, most) : most;
    const int64_t x = is_unsigned ? ((1 << f.a) - 1) << blocks_a : (1 << (f.a - 1)) - 1;
    const int filters = kernel < 3 ? 0 : std::min(q.filter_groups_w ? q.filter_groups_w - 1 : f.w <= 4 ? 1 : 0, 8 - f.w);
    const int64_t blocks = std::clamp((q.block_groups ? q.block_groups : 4) - 1, 0, 8 - f.g);
    const int64_t w = ((1 << (f.w - 1)) - 1) << filters, d = ((1 << (f.g - 1)) - 1) << blocks;
    const auto forward = [&](int a) { return (int64_t(kernel) * kernel * s.in.c * x * w) << (a - 1); };
    const auto backward = [&](int both) { return (int64_t(kernel) * kernel * s.out.c * d * w) << (both - 2); };
    const int64_t limit = (int64_t{1} << 31) - (1 << 22);  // room for half a unit of the right shift, and for ties
    const int wanted_a = q.groups_a ? q.groups_a : is_unsigned && blocks_a > 0 ? 1 : std::min(4, 9 - f.w - filters);
    const int room = 16 - f.w - filters - f.g - int(blocks);
    const bool head = !normalized && !q.groups_w;  // whose weights then share what the gradient leaves
    const int wanted_g = q.groups_g ? q.groups_g
                                    : head ? std::clamp(9 - f.w - filters, 1, 4)
                                          : std::clamp(room + 1 - (std::max(q.groups_w, 1) - 1), 1, std::max(4 - filters, 1));
    const int wanted_w = head ? std::clamp(room + 1 - (wanted_g - 1), 1, 4) : std::max(q.groups_w, 1);
    RC_ASSERT(g.scales_w == (normalized && !q.groups_w));
    RC_ASSERT(g.a >= 1 && g.a <= wanted_a);
    RC_ASSERT(g.a == 1 || forward(g.a) < limit);
    RC_ASSERT(g.a == wanted_a || forward(g.a + 1) >= limit);
    RC_ASSERT(g.w >= 1 && g.w <= wanted_w && g.g >= 1 && g.g <= wanted_g);
    RC_ASSERT(g.w + g.g == 2 || backward(g.w + g.g) < limit);
    RC_ASSERT(g.w + g.g == wanted_w + wanted_g || backward(g.w + g.g + 1) >= limit);
  }));
}

}  // namespace
}  // namespace subbyte
