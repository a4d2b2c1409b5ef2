#include "train/checkpoint.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/checksum.h"
#include "base/error.h"

namespace subbyte {
namespace {

constexpr char kKind[] = "subbyte checkpoint 1";
constexpr char kVelocity[] = ".velocity";

void require_finite(const std::string& name, const std::vector<float>& values) {
  for (float value : values)
    if (!std::isfinite(value)) throw Error("'" + name + "' holds a value that is not finite; not saved");
}

const std::string& field(const Checkpoint& checkpoint, const char* key) {
  const auto found = checkpoint.tensors.metadata.find(key);
  if (found == checkpoint.tensors.metadata.end())
    throw Error(checkpoint.path + ": not a Subbyte checkpoint: metadata '" + key + "' is missing");
  return found->second;
}

template <class T>
T number(const Checkpoint& checkpoint, const char* key, int base = 10) {
  const std::string& text = field(checkpoint, key);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value < T{})
    throw Error(checkpoint.path + ": metadata '" + key + "': found '" + text + "', expected a whole number");
  return value;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

const StoredTensor& require(const Checkpoint& checkpoint, const std::string& name, const std::vector<int64_t>& shape,
                            DType dtype, size_t elements) {
  const StoredTensor* tensor = checkpoint.tensors.find(name);
  if (tensor == nullptr) throw Error(checkpoint.path + ": tensor '" + name + "' is missing");
  if (tensor->shape != shape || tensor->dtype != dtype || tensor->bytes.size() != elements * 4)
    throw Error(checkpoint.path + ": tensor '" + name + "': found " + dtype_name(tensor->dtype) + " " +
                shape_text(tensor->shape) + ", expected " + dtype_name(dtype) + " " + shape_text(shape));
  return *tensor;
}

const StoredTensor& require_state(const Checkpoint& checkpoint, const State& state) {
  return state.ints.empty() ? require(checkpoint, state.name, state.shape, DType::f32, state.floats.size())
                            : require(checkpoint, state.name, state.shape, DType::i32, state.ints.size());
}

}  // namespace

void save_checkpoint(const std::string& path, const CheckpointInfo& info, Network& network, const Sgd* optimizer) {
  const Progress& at = info.progress;
  TensorViews file;
  file.metadata = {{"kind", kKind},
                   {"model", info.model},
                   {"format", info.format},
                   {"config", info.config},
                   {"seed", std::to_string(info.seed)},
                   {"epoch", std::to_string(at.epoch)},
                   {"step_in_epoch", std::to_string(at.step_in_epoch)},
                   {"step", std::to_string(at.step)},
                   {"steps_per_epoch", std::to_string(at.steps_per_epoch)},
                   {"loss_sum_bits", hex64(std::bit_cast<uint64_t>(at.loss_sum))},
                   {"correct", std::to_string(at.correct)},
                   {"images", std::to_string(at.images)}};
  for (const Param& param : network.params()) {
    require_finite(param.name, param.value);
    file.add(param.name, param.shape, std::span<const float>(param.value));
  }
  for (const State& state : network.states()) {
    require_finite(state.name, state.floats);
    if (state.ints.empty()) file.add(state.name, state.shape, std::span<const float>(state.floats));
    else file.add(state.name, state.shape, std::span<const int32_t>(state.ints));
  }
  if (optimizer != nullptr)
    for (size_t p = 0; p < network.params().size(); ++p) {
      const Param& param = network.params()[p];
      file.add(param.name + kVelocity, param.shape, std::span<const float>(optimizer->velocity()[p]));
    }
  write_safetensors(path, file);
}

Checkpoint load_checkpoint(const std::string& path) {
  Checkpoint checkpoint{path, {}, read_safetensors(path)};
  if (field(checkpoint, "kind") != kKind)
    throw Error(path + ": metadata 'kind': found '" + field(checkpoint, "kind") + "', expected '" + kKind + "'");
  CheckpointInfo& info = checkpoint.info;
  info.model = field(checkpoint, "model");
  info.format = field(checkpoint, "format");
  info.config = field(checkpoint, "config");
  info.seed = number<uint64_t>(checkpoint, "seed");
  Progress& at = info.progress;
  at.epoch = number<int64_t>(checkpoint, "epoch");
  at.step_in_epoch = number<int64_t>(checkpoint, "step_in_epoch");
  at.step = number<int64_t>(checkpoint, "step");
  at.steps_per_epoch = number<int64_t>(checkpoint, "steps_per_epoch");
  at.loss_sum = std::bit_cast<double>(number<uint64_t>(checkpoint, "loss_sum_bits", 16));
  at.correct = number<int64_t>(checkpoint, "correct");
  at.images = number<int64_t>(checkpoint, "images");
  return checkpoint;
}

void check_identity(const Checkpoint& checkpoint, const std::string& model, const std::string& format) {
  const CheckpointInfo& info = checkpoint.info;
  if (info.model != model || info.format != format)
    throw Error("checkpoint " + checkpoint.path + " is of model '" + info.model + "' (" + info.format +
                "), expected '" + model + "' (" + format + ")");
}

void restore(const Checkpoint& checkpoint, Network& network, Sgd* optimizer) {
  for (const Param& param : network.params()) {
    require(checkpoint, param.name, param.shape, DType::f32, param.value.size());
    if (optimizer != nullptr) require(checkpoint, param.name + kVelocity, param.shape, DType::f32, param.value.size());
  }
  for (const State& state : network.states()) require_state(checkpoint, state);

  for (size_t p = 0; p < network.params().size(); ++p) {
    Param& param = network.params()[p];
    param.value = checkpoint.tensors.find(param.name)->floats();
    if (optimizer != nullptr) optimizer->velocity()[p] = checkpoint.tensors.find(param.name + kVelocity)->floats();
  }
  for (State& state : network.states()) {
    const StoredTensor& tensor = require_state(checkpoint, state);
    if (state.ints.empty()) state.floats = tensor.floats();
    else state.ints = tensor.ints();
  }
}

void restore_parameters(const Checkpoint& checkpoint, Network& network) {
  for (const Param& param : network.params()) require(checkpoint, param.name, param.shape, DType::f32, param.value.size());
  for (Param& param : network.params()) param.value = checkpoint.tensors.find(param.name)->floats();
}

}  // namespace subbyte
