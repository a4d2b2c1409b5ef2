// Any file is either a checkpoint or gives an Error; what is restored from one are its tensors.
#include "base/safetensors_mutator.h"
#include "train/api_options.h"
#include "train/checkpoint.h"
#include "train/test_network.h"

using namespace subbyte;

namespace {

fuzz::Bytes example(fuzz::Dice&) {
  TestNetwork network;
  TensorFile file;
  file.metadata = {{"kind", "subbyte checkpoint 1"}, {"model", "mlp"}, {"format", "w4a4g4"}, {"seed", "3"}};
  file.metadata["config"] =
      "[norm]\nkind = \"l2\"\n[input]\nheight = 2\nwidth = 2\nchannels = 1\nclasses = 3\n"
      "mean = [0.5]\nstddev = [0.25]\n";
  for (const char* count : {"epoch", "step_in_epoch", "step", "steps_per_epoch", "correct", "images"})
    file.metadata[count] = "12";
  file.metadata["loss_sum_bits"] = "3ff8000000000000";
  for (const Param& param : network.params()) {
    file.add(param.name, param.shape, std::span<const float>(param.value));
    file.add(param.name + ".velocity", param.shape, std::span<const float>(param.value));
  }
  file.add("input.mean", {4}, std::vector<float>(4));
  file.add("seen", {1}, std::vector<int32_t>{5});
  return encode_safetensors(file);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_safetensors(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file({data, size});
  Checkpoint checkpoint;
  if (!fuzz::accepts([&] { checkpoint = load_checkpoint(file.path()); })) return 0;
  const Progress& at = checkpoint.info.progress;
  for (int64_t count : {at.epoch, at.step_in_epoch, at.step, at.steps_per_epoch, at.correct, at.images})
    fuzz::require(count >= 0);
  fuzz::accepts([&] { setup_from_checkpoint(checkpoint, 1); });

  TestNetwork network;
  Sgd optimizer({}, network.params());
  if (fuzz::accepts([&] { restore(checkpoint, network, &optimizer); })) {
    for (const Param& param : network.params())
      fuzz::require(param.value.size() * 4 == checkpoint.tensors.find(param.name)->bytes.size());
    for (const State& state : network.states())
      fuzz::require((state.floats.size() + state.ints.size()) * 4 == checkpoint.tensors.find(state.name)->bytes.size());
  } else {  // an Error leaves the network alone
    for (size_t p = 0; p < network.params().size(); ++p)
      fuzz::require(network.params()[p].value == TestNetwork().params()[p].value);
  }
  return 0;
}
