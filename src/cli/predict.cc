// subbyte predict RUN IMAGE...
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/commands.h"
#include "cli/run_folder.h"
#include "data/dataset.h"

namespace subbyte {
namespace {

struct PredictArgs {
  std::string run;
  std::vector<std::string> images;
  int top = 1;
  bool json = false;
};

std::vector<double> softmax(const std::vector<float>& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> shares;
  for (float logit : logits) shares.push_back(std::exp(double(logit) - largest));
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

int predict(const PredictArgs& args) {
  const LoadedRun run = load_run(args.run);
  const auto& input = run.config.settings.input;
  // All images are read before the first result is printed: a bad one leaves no partial output.
  std::vector<std::vector<uint8_t>> images;
  for (const std::string& path : args.images)
    images.push_back(read_image(path, int(input.height), int(input.width), int(input.channels)));
  const std::unique_ptr<Network> network = restored_network(run);

  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < images.size(); ++i) {
    std::vector<float> logits(size_t(input.classes));
    const int32_t unknown_label = 0;
    network->evaluate({1, images[i].data(), &unknown_label}, logits.data());
    const std::vector<double> shares = softmax(logits);
    std::vector<size_t> order(shares.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return shares[a] > shares[b]; });
    order.resize(std::min(order.size(), size_t(args.top)));

    nlohmann::ordered_json classes = nlohmann::ordered_json::array();
    std::string text;
    for (size_t c : order) {
      const std::string name = c < input.class_names.size() ? input.class_names[c] : fmt::format("class {}", c);
      text += fmt::format("  {} {:.1f}%", name, 100 * shares[c]);
      classes.push_back({{"class", c}, {"name", name}, {"probability", shares[c]}});
    }
    list.push_back({{"file", args.images[i]}, {"classes", classes}});
    if (!args.json) fmt::print("{}{}\n", args.images[i], text);
  }
  if (args.json) fmt::print("{}\n", list.dump());
  return 0;
}

}  // namespace

void add_predict(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("predict", "Classify image files.");
  auto args = std::make_shared<PredictArgs>();
  command->add_option("RUN", args->run, "run folder or .safetensors file")->required();
  command->add_option("IMAGE", args->images, "PNG or JPEG files, resized to the model's input")->required();
  command->add_option("--top", args->top, "print the N most probable classes")->check(CLI::Range(1, 1000000));
  command->add_flag("--json", args->json, "print an array of {file, classes: [{class, name, probability}]}");
  command->callback([&line, args] { line.action = [args] { return predict(*args); }; });
}

}  // namespace subbyte
