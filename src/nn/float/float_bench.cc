// Images a second of training steps: float_bench [model] [format] [batch] [threads] [norm]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "base/philox.h"
#include "nn/float/register.h"

int main(int argc, char** argv) try {
  using namespace subbyte;
  const auto argument = [&](int i, const char* other) { return std::string(argc > i ? argv[i] : other); };
  NetworkConfig config;
  config.model = make_model(argument(1, "resnet20"), {32, 32, 3}, 10);
  config.format.kind = argument(2, "fp32") == "bf16" ? Format::Kind::bf16 : Format::Kind::fp32;
  const int batch = std::atoi(argument(3, "128").c_str());
  config.threads = std::atoi(argument(4, "2").c_str());
  config.norm = argument(5, "l1") == "l2" ? NormKind::l2 : NormKind::l1;
  config.mean = {0.5f, 0.5f, 0.5f};
  config.stddev = {0.25f, 0.25f, 0.25f};
  const auto network = make_float_network(config);

  std::vector<uint8_t> pixels(size_t(batch) * 32 * 32 * 3);
  std::vector<int32_t> labels(batch);
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = uint8_t(random_words(1, RandomUse::shuffle, 0, 0, uint32_t(i))[0]);
  for (int i = 0; i < batch; ++i) labels[i] = i % 10;
  const Batch data{batch, pixels.data(), labels.data()};

  constexpr int warm_up = 3, steps = 20;
  using Clock = std::chrono::steady_clock;
  Clock::time_point start;
  double loss = 0;
  for (int step = 0; step < warm_up + steps; ++step) {
    if (step == warm_up) start = Clock::now();
    loss = network->train_step(data, uint64_t(step)).loss;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("%s %s batch %d threads %d: %.1f images/s (%.1f ms a step, loss %.4f)\n", config.model.name.c_str(),
              argument(2, "fp32").c_str(), batch, config.threads, steps * batch / seconds, 1e3 * seconds / steps, loss);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
