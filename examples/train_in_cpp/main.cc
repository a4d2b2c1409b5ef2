// Trains a small convolutional network in 4-bit integers on generated images, saves it, loads it and predicts.
// Exit code 0 where it has learned them.
#include <subbyte/model.h>
#include <subbyte/version.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr int kSide = 16, kClasses = 4, kBatch = 32;

struct Images {
  std::vector<uint8_t> pixels;  // [count][kSide][kSide][1]
  std::vector<int32_t> labels;  // [count]
};

/// Noise with a bright square of 6 x 6 pixels in one of four corners, moved by up to two pixels: the corner is the class.
Images draw(int count, std::mt19937& generator) {
  Images images;
  images.pixels.resize(size_t(count) * kSide * kSide);
  for (uint8_t& pixel : images.pixels) pixel = uint8_t(generator() % 100);
  for (int n = 0; n < count; ++n) {
    const int label = int(generator() % kClasses);
    const int top = label / 2 * 8 + int(generator() % 3), left = label % 2 * 8 + int(generator() % 3);
    for (int r = 0; r < 6; ++r)
      for (int c = 0; c < 6; ++c)
        images.pixels[(size_t(n) * kSide + top + r) * kSide + left + c] = uint8_t(150 + generator() % 100);
    images.labels.push_back(label);
  }
  return images;
}

double accuracy(subbyte::Model& model, const Images& images) {
  const std::vector<float> logits = model.predict(images.pixels);  // [count][kClasses]
  int correct = 0;
  for (size_t n = 0; n < images.labels.size(); ++n) {
    const float* row = &logits[n * kClasses];
    correct += std::max_element(row, row + kClasses) - row == images.labels[n];
  }
  return double(correct) / double(images.labels.size());
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string path = argc > 1 ? argv[1] : "model.safetensors";
  std::mt19937 generator(1);
  subbyte::ModelOptions options;
  options.model = "resnet20";
  options.height = options.width = kSide;
  options.channels = 1;
  options.classes = kClasses;
  options.format = "w4a4g4";
  subbyte::Model model = subbyte::Model::create(options);
  std::printf("subbyte %s, %s, %s\n", subbyte::version(), options.model.c_str(), options.format.c_str());

  constexpr int kSteps = 60;
  for (int step = 1; step <= kSteps; ++step) {
    const Images batch = draw(kBatch, generator);
    const float learning_rate = 0.05f * float(kSteps - step + 1) / kSteps;
    const auto [loss, correct] = model.train_step(batch.pixels, batch.labels, learning_rate);
    if (step % 10 == 0) std::printf("step %d  loss %.3f  correct %d of %d\n", step, loss, correct, kBatch);
  }
  model.save(path);

  subbyte::Model loaded = subbyte::Model::load(path);
  const Images test = draw(500, generator);
  const double result = accuracy(loaded, test);
  std::printf("accuracy of the loaded model %.1f%%\n", 100 * result);
  return result > 0.9 ? 0 : 1;
} catch (const subbyte::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
