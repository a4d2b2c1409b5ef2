#include "cli/bench/permute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace subbyte::bench {
namespace {

static_assert(permute_groups == 4, "bytes of a word");
void take_bytes(const uint32_t* __restrict words, size_t count, int byte, uint8_t* __restrict out) {
  for (size_t i = 0; i < count; ++i) out[i] = uint8_t(words[i] >> (8 * byte));
}

class Permute {
 public:
  Permute(const ProductCase& product, int images, int threads)
      : elements_(product.node.shape.elements()), images_(images), pool_(threads) {
    QuantConfig quant;
    quant.groups_w = quant.groups_a = quant.groups_g = 1;
    for (int g = 0; g < permute_groups; ++g) {
      ProductCase part = product;
      part.in.c /= permute_groups;
      rigs_.push_back(std::make_unique<ProductRig>(part, quant, images, threads, uint32_t(g + 1)));
      rigs_.back()->context().values[0].codes.scale *= std::ldexp(1.0, -g);  // a group's shift
    }
    out_.resize(size_t(elements_) * size_t(images));
    words_.resize(size_t(product.in.elements() / permute_groups));
    gathered_.resize(size_t(threads) * (words_.size() * permute_groups + 64));
  }

  /// Channel c belongs to group c % 4, as regular as a permutation can be: byte g of every word goes to group g.
  void gather() {
    const size_t part = words_.size();
    pool_.run(images_, [&](int thread, int begin, int end) {
      uint8_t* to = gathered_.data() + size_t(thread) * (part * permute_groups + 64);
      for (int i = begin; i < end; ++i) {
        for (int g = 0; g < permute_groups; ++g) take_bytes(words_.data(), part, g, to + size_t(g) * part);
        asm volatile("" : : "r"(to) : "memory");  // every image's operands are made
      }
    });
  }
  void products() {
    for (auto& rig : rigs_) rig->forward();
  }
  void add() {
    scale_ = rigs_[0]->output().scale;
    int32_t top = rigs_[0]->output().top;
    const Stream* sum = &rigs_[0]->output();
    for (size_t g = 1; g < rigs_.size(); ++g) {
      const Stream& part = rigs_[g]->output();
      const double bound = scale_ * top + part.scale * part.top, scale = bound / 16000;
      const Rescale a = make_rescale(top, scale_ / scale), b = make_rescale(part.top, part.scale / scale);
      const Context& ctx = rigs_[g]->context();
      pool_.run(images_, [&](int, int begin, int end) {
        for (int i = begin; i < end; ++i) {
          int16_t* to = out_.data() + i * elements_;
          ctx.norm.combine(sum == nullptr ? to : sum->image(i, elements_), a.pow2, a.multiplier, part.image(i, elements_),
                           b.pow2, b.multiplier, elements_, to);
        }
      });
      sum = nullptr;
      scale_ = scale, top = 16002;
    }
  }

  /// Each group against plain loops, then the sum of their values up to its roundings: a unit of the result each time.
  void check() {
    for (auto& rig : rigs_) rig->check();
    add();
    for (int64_t e = 0; e < elements_ * images_; e += std::max<int64_t>(1, elements_ * images_ / 1000)) {
      double expected = 0;
      for (auto& rig : rigs_) expected += (*rig->output().memory)[size_t(e)] * rig->output().scale;
      const double found = out_[size_t(e)] * scale_;
      if (std::fabs(found - expected) > 2 * double(rigs_.size()) * scale_)
        throw Error(fmt::format("check: permute-group-multiply is {} at {}, expected {}", found, e, expected));
    }
  }

 private:
  int64_t elements_;
  int images_;
  ThreadPool pool_;
  std::vector<std::unique_ptr<ProductRig>> rigs_;
  Buffer<int16_t> out_;
  Buffer<uint32_t> words_;  // an image's codes, unpacked
  Buffer<uint8_t> gathered_;
  double scale_ = 1;
};

}  // namespace

PermuteTimes time_permute(const ProductCase& product, int images, int threads, int runs, double seconds) {
  Permute(product, 2, threads).check();
  Permute permute(product, images, threads);
  permute.gather(), permute.products(), permute.products(), permute.add();
  return {timed(runs, seconds, [&] { permute.gather(); }), timed(runs, seconds, [&] { permute.products(); }),
          timed(runs, seconds, [&] { permute.add(); })};
}

}  // namespace subbyte::bench
