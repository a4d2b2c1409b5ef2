// Everything that a run can be told, with its defaults. keys.cc names each member as section.key.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace subbyte {

struct Settings {
  std::string version;  ///< of the program that wrote the file
  struct {
    std::string name = "resnet20";
  } model;
  struct {
    std::string name, dir;
    int64_t val = 0, limit = 0, image_size = 32;
    int64_t crop = 0, cutout = 0;
    bool flip = false;
  } data;
  struct {
    std::string name = "w4a4g4", first = "w8a8g8", last = "w8a8g8";
  } format;
  struct {
    int64_t groups_w = 0, filter_groups_w = 0, groups_a = 0, groups_g = 0;
    int64_t sample_groups = 8, block_groups = 0, block_groups_a = 0, draws_g = 1;
    std::string round_g = "stochastic";
    double clip_w = 0, clip_a = 0, clip_norm = 0;
    int64_t norm_bits = 8, norm_saved_bits = 0, norm_grad_bits = 16;
  } quant;
  struct {
    std::string kind = "l1";
    double momentum = 0.1;
  } norm;
  struct {
    int64_t epochs = 60, batch = 128, seed = 1, threads = 0, max_steps = 0, stop_after = 0, keep_every = 0;
    double label_smoothing = 0, log_every = 10;
    std::string init;
  } train;
  struct {
    double lr = 0.1, momentum = 0.9, weight_decay = 5e-4;
    bool nesterov = true, decay_all = false;
  } optimizer;
  struct {
    std::string name = "onecycle";
    double warmup = 0.3, gamma = 0.1, div = 25, final_div = 1e4;
    std::vector<double> milestones = {0.5, 0.75};
  } schedule;
  struct {
    std::string test = "every";
    int64_t batch = 256;
    bool folded = false;
  } evaluation;
  struct {
    int64_t height = 0, width = 0, channels = 0, classes = 0;
    std::vector<std::string> class_names;
    std::vector<double> mean, stddev;
  } input;  ///< measured from the data when a run starts
};

}  // namespace subbyte
