// train_and_save FOLDER: a few steps of several models, formats and norms. Saves each model in FOLDER and prints losses and
// logits to the last bit, so that two runs (other machines, other instruction sets) can be compared byte for byte.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "subbyte/model.h"

namespace {

constexpr int kClasses = 5, kBatch = 9, kSteps = 3;

struct Case {
  const char *model, *format, *norm;
  int height, width, channels;
};
constexpr Case kCases[] = {{"resnet20", "w4a4g4", "l1", 13, 11, 3},  // odd sides leave remainders
                           {"resnet20", "w8a8g8", "l2", 8, 8, 3},
                           {"mlp", "w2a3g5", "l1", 9, 7, 2}};

class Generator {
 public:
  uint32_t next() { return uint32_t((state_ = state_ * 6364136223846793005u + 1442695040888963407u) >> 33); }

 private:
  uint64_t state_ = 1;
};

void run(const Case& c, const std::string& folder) {
  subbyte::ModelOptions options;
  options.model = c.model;
  options.format = c.format;
  options.norm = c.norm;
  options.height = c.height;
  options.width = c.width;
  options.channels = c.channels;
  options.classes = kClasses;
  subbyte::Model model = subbyte::Model::create(options);
  Generator generator;
  std::vector<uint8_t> pixels(size_t(kBatch) * c.height * c.width * c.channels);
  std::vector<int32_t> labels(kBatch);
  for (int step = 0; step < kSteps; ++step) {
    for (uint8_t& pixel : pixels) pixel = uint8_t(generator.next());
    for (int32_t& label : labels) label = int32_t(generator.next() % kClasses);
    std::printf("%s %s loss %a\n", c.model, c.format, model.train_step(pixels, labels, 0.1f).loss);
  }
  for (const float logit : model.predict(pixels)) std::printf("%a\n", double(logit));
  model.save(folder + "/" + c.model + "-" + c.format + ".safetensors");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  for (const Case& c : kCases) run(c, argv[1]);
} catch (const subbyte::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
