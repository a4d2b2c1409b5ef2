// One function a command: it describes the command's options and sets what happens when it was given.
#pragma once
#include <CLI/CLI.hpp>

#include <functional>

namespace subbyte {

struct CommandLine {
  CLI::App app{"Trains neural networks in integers below 8 bits on CPUs.", "subbyte"};
  std::function<int()> action;  ///< of the command that was given; returns the exit code
};

void add_train(CommandLine& line);
void add_eval(CommandLine& line);
void add_predict(CommandLine& line);
void add_info(CommandLine& line);
void add_report(CommandLine& line);
void add_analyze(CommandLine& line);
void add_sharpness(CommandLine& line);
void add_fpga(CommandLine& line);
void add_bench(CommandLine& line);
void add_lists(CommandLine& line);  ///< formats, models, data

}  // namespace subbyte
