// What `subbyte bench step` proves before it times: every speed belongs to the specified result.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/isa.h"
#include "cli/bench/forced_isa.h"
#include "cli/bench/random_batch.h"
#include "cli/bench/step.h"
#include "cli/setup.h"
#include "nn/macs.h"
#include "train/optimizer.h"

namespace subbyte::bench {
namespace {

/// Multiply-accumulates that the plain loops do in a few seconds.
constexpr int64_t scalar_macs = 3'000'000'000;

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// The network after `steps` steps.
std::unique_ptr<Network> trained(Settings settings, int threads, int images, int steps) {
  settings.train.threads = threads;
  std::unique_ptr<Network> network = build_network(settings);
  const RandomBatch data(network->model(), images);
  Sgd optimizer({}, network->params());
  for (int step = 0; step < steps; ++step) {
    const StepResult result = network->train_step(data.batch, uint64_t(step));
    if (!std::isfinite(result.loss)) throw Error(fmt::format("check: the loss of step {} is not finite", step + 1));
    optimizer.step(network->params(), 0.05f, network->threads());
  }
  return network;
}

void require_same(Network& found, Network& expected, const std::string& where) {
  for (size_t i = 0; i < found.params().size(); ++i) {
    const Param &a = found.params()[i], &b = expected.params()[i];
    if (!same_bytes(a.grad, b.grad)) throw Error(fmt::format("check: the gradient of '{}' differs {}", a.name, where));
    if (!same_bytes(a.value, b.value)) throw Error(fmt::format("check: parameter '{}' differs {}", a.name, where));
  }
  for (size_t i = 0; i < found.states().size(); ++i) {
    const State &a = found.states()[i], &b = expected.states()[i];
    if (!same_bytes(a.floats, b.floats) || !same_bytes(a.ints, b.ints))
      throw Error(fmt::format("check: state '{}' differs {}", a.name, where));
  }
}

std::string check_threads(const Settings& settings) {
  const int threads = std::max(2, thread_count(settings)), images = int(std::min<int64_t>(settings.train.batch, 8)), steps = 2;
  const auto one = trained(settings, 1, images, steps), many = trained(settings, threads, images, steps);
  const std::string where = fmt::format("between 1 and {} threads", threads);
  require_same(*many, *one, where);
  return fmt::format("equal bytes with 1 and {} threads ({} steps of {})", threads, steps, images);
}

std::string check_scalar(Settings settings) {
  const Isa isa = selected_isa();
  if (isa == Isa::scalar) return "the scalar kernels are the specification";
  const int images = int(std::min<int64_t>(settings.train.batch, 2));
  const auto macs = [&] { return model_macs(network_config(settings).model).total() * images; };
  while (macs() > scalar_macs && settings.input.height >= 64) settings.input.height = settings.input.width /= 2;
  if (macs() > scalar_macs) return "too large for a check against the scalar kernels";
  const auto found = trained(settings, 1, images, 1);
  const ForcedIsa forced(Isa::scalar);
  const auto expected = trained(settings, 1, images, 1);
  require_same(*found, *expected, fmt::format("between {} and scalar", isa_name(isa)));
  return fmt::format("equal bytes with {} and scalar kernels (1 step of {} at {}x{} pixels)", isa_name(isa), images,
                     settings.input.height, settings.input.width);
}

}  // namespace

std::string check_steps(const Settings& settings) {
  if (!Format::parse(settings.format.name).is_integer()) {
    trained(settings, thread_count(settings), int(std::min<int64_t>(settings.train.batch, 8)), 2);
    return "finite loss (floating point: bytes may depend on threads)";
  }
  return check_scalar(settings) + "; " + check_threads(settings);
}

}  // namespace subbyte::bench
