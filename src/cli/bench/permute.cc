#include "cli/bench/permute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace subbyte::bench {
namespace {

class Permute {
 public:
  Permute(const ProductCase& product, int groups, int images, int threads)
      : in_(product.in), elements_(product.node.shape.elements()), images_(images), groups_(groups), pool_(threads) {
    QuantConfig quant;
    quant.groups_w = quant.groups_a = quant.groups_g = 1;
    for (int g = 0; g < groups; ++g) {
      ProductCase part = product;
      part.in.c = in_.c / groups + (g < in_.c % groups);
      rigs_.push_back(std::make_unique<ProductRig>(part, quant, images, threads, uint32_t(g + 1)));
      rigs_.back()->context().values[0].codes.scale *= std::ldexp(1.0, -g);  // a group's shift
    }
    out_.resize(size_t(elements_) * size_t(images));
    bytes_.resize(size_t(in_.elements()));
    gathered_.resize(size_t(threads) * (bytes_.size() + 64));
  }

  void gather() {
    pool_.run(images_, [&](int thread, int begin, int end) {
      uint8_t* to = gathered_.data() + size_t(thread) * (bytes_.size() + 64);
      for (int i = begin; i < end; ++i)
        for (int g = 0; g < groups_; ++g) {
          const int channels = rigs_[size_t(g)]->product().in.c, pixels = in_.h * in_.w;
          const uint8_t* from = bytes_.data() + g;
          for (int p = 0; p < pixels; ++p)
            for (int c = 0; c < channels; ++c) to[p * channels + c] = from[p * in_.c + c * groups_];
          asm volatile("" : : "r"(to) : "memory");
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
  Shape in_;
  int64_t elements_;
  int images_, groups_;
  ThreadPool pool_;
  std::vector<std::unique_ptr<ProductRig>> rigs_;
  Buffer<int16_t> out_;
  Buffer<uint8_t> bytes_, gathered_;
  double scale_ = 1;
};

}  // namespace

PermuteTimes time_permute(const ProductCase& product, int groups, int images, int threads, int runs, double seconds) {
  Permute(product, groups, 2, threads).check();
  Permute permute(product, groups, images, threads);
  permute.gather(), permute.products(), permute.products(), permute.add();
  return {timed(runs, seconds, [&] { permute.gather(); }), timed(runs, seconds, [&] { permute.products(); }),
          timed(runs, seconds, [&] { permute.add(); })};
}

}  // namespace subbyte::bench
