// subbyte formats | models | data
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "data/dataset.h"
#include "nn/spec.h"

namespace subbyte {
namespace {

struct Line {
  std::string name, summary;
};

std::vector<Line> format_lines() {
  return {{"wXaYgZ", "integers of X bits for weights, Y for activations, Z for gradients; each 2 to 8"},
          {"w4a4g4", "4 bits for all three: half a byte an element"},
          {"w4a4g8", "4 bits stored, 8-bit gradients, which live for one layer only"},
          {"w8a8g8", "8 bits for all three"},
          {"bf16", "bfloat16 twin for comparison, products by oneDNN"},
          {"fp32", "32-bit floating-point twin for comparison, products by oneDNN"}};
}

template <class Entry>
std::vector<Line> lines_of(const std::vector<Entry>& entries) {
  std::vector<Line> lines;
  for (const Entry& entry : entries) lines.push_back({entry.name, entry.summary});
  return lines;
}

int print(const std::vector<Line>& lines, bool json) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  size_t width = 0;
  for (const Line& line : lines) {
    list.push_back({{"name", line.name}, {"summary", line.summary}});
    width = std::max(width, line.name.size());
  }
  if (json) fmt::print("{}\n", list.dump());
  else
    for (const Line& line : lines) fmt::print("{:<{}}  {}\n", line.name, width, line.summary);
  return 0;
}

void add_list(CommandLine& line, const char* name, const char* help, std::vector<Line> (*lines)()) {
  CLI::App* command = line.app.add_subcommand(name, help);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "an array of {name, summary}");
  command->callback([&line, json, lines] { line.action = [json, lines] { return print(lines(), *json); }; });
}

}  // namespace

void add_lists(CommandLine& line) {
  add_list(line, "formats", "List the number formats.", format_lines);
  add_list(line, "models", "List the models.", [] { return lines_of(model_list()); });
  add_list(line, "data", "List the data sets that can be read.", [] { return lines_of(data_list()); });
}

}  // namespace subbyte
