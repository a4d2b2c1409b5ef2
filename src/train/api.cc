// The public interface of include/subbyte over the network, the optimizer and the checkpoint.
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "subbyte/model.h"
#include "subbyte/version.h"
#include "train/api_options.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"

namespace subbyte {

const char* version() { return SUBBYTE_VERSION; }

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const ModelEntry& entry : model_list()) names.push_back(entry.name);
  return names;
}

struct Model::Impl {
  explicit Impl(ModelSetup from)
      : setup(std::move(from)), network(make_network(setup.network)), optimizer(setup.optimizer, network->params()) {}

  /// Images in `pixels`. Throws UsageError where it holds none or a part of one.
  int count(std::span<const uint8_t> pixels) const {
    const size_t image = size_t(setup.network.model.input_shape().elements());
    if (pixels.empty() || pixels.size() % image != 0)
      throw UsageError("pixels: found " + std::to_string(pixels.size()) + " bytes, expected a multiple of " +
                       std::to_string(image) + ", the bytes of an image");
    return int(pixels.size() / image);
  }

  ModelSetup setup;
  std::unique_ptr<Network> network;
  Sgd optimizer;
  Progress progress;
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::create(const ModelOptions& options) {
  auto impl = std::make_unique<Impl>(setup_from_options(options));
  initialize(impl->network->params(), options.seed);
  return Model(std::move(impl));
}

Model Model::load(const std::string& path, int threads) {
  if (threads < 1) throw UsageError("threads: found " + std::to_string(threads) + ", expected at least 1");
  const bool is_run = std::filesystem::is_directory(path);
  const Checkpoint checkpoint = load_checkpoint(is_run ? path + "/last.safetensors" : path);
  auto impl = std::make_unique<Impl>(setup_from_checkpoint(checkpoint, threads));
  restore(checkpoint, *impl->network, &impl->optimizer);
  impl->progress = checkpoint.info.progress;
  return Model(std::move(impl));
}

Model::StepResult Model::train_step(std::span<const uint8_t> pixels, std::span<const int32_t> labels,
                                    float learning_rate) {
  const int count = impl_->count(pixels), classes = impl_->setup.options.classes;
  if (labels.size() != size_t(count))
    throw UsageError("labels: found " + std::to_string(labels.size()) + ", expected " + std::to_string(count) +
                     ", one an image");
  for (size_t n = 0; n < labels.size(); ++n)
    if (labels[n] < 0 || labels[n] >= classes)
      throw UsageError("labels[" + std::to_string(n) + "]: found " + std::to_string(labels[n]) + ", expected 0 to " +
                       std::to_string(classes - 1));
  if (!(learning_rate >= 0 && learning_rate < 1e6f))
    throw UsageError("learning_rate: found " + std::to_string(learning_rate) + ", expected 0 <= x < 1e6");

  Progress& progress = impl_->progress;
  const auto result = impl_->network->train_step({count, pixels.data(), labels.data()}, uint64_t(progress.step));
  impl_->optimizer.step(impl_->network->params(), learning_rate, impl_->network->threads());
  ++progress.step;
  progress.steps_per_epoch = 0;  // no longer at a place of a run's data, so `subbyte train --resume` must refuse it
  return {result.loss, result.correct};
}

std::vector<float> Model::predict(std::span<const uint8_t> pixels) {
  const int count = impl_->count(pixels);
  const std::vector<int32_t> labels(size_t(count), 0);  // evaluate() counts hits, which nobody reads here
  std::vector<float> logits(size_t(count) * size_t(impl_->setup.options.classes));
  impl_->network->evaluate({count, pixels.data(), labels.data()}, logits.data());
  return logits;
}

void Model::save(const std::string& path) {
  const ModelSetup& setup = impl_->setup;
  save_checkpoint(path, {setup.options.model, setup.options.format, setup.config, setup.options.seed, impl_->progress},
                  *impl_->network, &impl_->optimizer);
}

void Model::set_threads(int threads) {
  if (threads < 1) throw UsageError("threads: found " + std::to_string(threads) + ", expected at least 1");
  ModelSetup& setup = impl_->setup;
  setup.options.threads = setup.network.threads = threads;
  std::unique_ptr<Network> network = make_network(setup.network);
  for (size_t p = 0; p < network->params().size(); ++p)  // layers point at these objects: move only what they hold
    network->params()[p].value = std::move(impl_->network->params()[p].value);
  for (size_t s = 0; s < network->states().size(); ++s) {
    network->states()[s].floats = std::move(impl_->network->states()[s].floats);
    network->states()[s].ints = std::move(impl_->network->states()[s].ints);
  }
  impl_->network = std::move(network);
}

const ModelOptions& Model::options() const { return impl_->setup.options; }
int64_t Model::steps() const { return impl_->progress.step; }

}  // namespace subbyte
