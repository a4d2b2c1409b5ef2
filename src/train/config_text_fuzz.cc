// The configuration inside a checkpoint: any text gives a model's setup or an Error.
#include <iterator>

#include "base/fuzz_input.h"
#include "train/api_options.h"
#include "train/config_text.h"

using namespace subbyte;

namespace {

const char* const kExtents[] = {"1", "3", "28", "224", "4096", "65536", "65537", "4294967328"};

/// What save() writes, for a drawn model, and sides that are drawn too: the last value of a key counts.
fuzz::Bytes example(fuzz::Dice& dice) {
  ModelOptions options;
  options.model = model_names()[dice.roll(unsigned(model_names().size()))];
  options.classes = 2 + int(dice.roll(100));
  std::string text = setup_from_options(options).config + "[quant]\ngroups_w = 1\nclip_w = 2.5\n[input]\n";
  if (dice.roll(2) == 0)
    for (const char* side : {"height", "width"})
      text += std::string(side) + " = " + kExtents[dice.roll(std::size(kExtents))] + "\n";
  return {text.begin(), text.end()};
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_or_replace(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(data, data + size);
  Checkpoint checkpoint{"input", {"mlp", "w4a4g4", text, 1, {}}, {}};
  for (const std::string& model : {"mlp", "resnet20"}) {
    checkpoint.info.model = model;
    fuzz::accepts([&] {
      const ModelSetup setup = setup_from_checkpoint(checkpoint, 1);
      fuzz::require(setup.config == text && setup.network.model.classes == setup.options.classes);
    });
  }
  return 0;
}
