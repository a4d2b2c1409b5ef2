#include "fpga/design.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "fpga/hex.h"

namespace subbyte {
namespace {

int chosen(const char* what, std::string_view text, const std::vector<const char*>& names) {
  std::string expected;
  for (size_t i = 0; i < names.size(); ++i) {
    if (text == names[i]) return int(i);
    expected += std::string(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  throw UsageError(std::string(what) + ": found '" + std::string(text) + "', expected " + expected);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Identifiers of a Verilog text outside of // comments.
std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 2, "//") == 0) {
      i = std::min(text.find('\n', i), text.size());
    } else if (is_word(text[i])) {
      const size_t begin = i;
      while (i < text.size() && is_word(text[i])) ++i;
      words.insert(text.substr(begin, i - begin));
    } else {
      ++i;
    }
  }
  return words;
}

/// Names of the modules that a text makes with parameters, `name #(`; vendors' primitives are in capitals.
std::set<std::string> modules_of(const std::string& text) {
  std::set<std::string> names;
  for (size_t at = text.find("#("); at != std::string::npos; at = text.find("#(", at + 1)) {
    size_t end = at;
    while (end > 0 && text[end - 1] == ' ') --end;
    size_t begin = end;
    while (begin > 0 && is_word(text[begin - 1])) --begin;
    if (begin < end && std::islower(static_cast<unsigned char>(text[begin]))) names.insert(text.substr(begin, end - begin));
  }
  return names;
}

/// Texts of the modules that `top` needs, by name: a module is needed where a needed one says its name.
std::map<std::string, std::string> needed_modules(const std::string& rtl, const std::string& top) {
  std::set<std::string> known;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(rtl, failed))
    if (entry.path().extension() == ".sv") known.insert(entry.path().stem());
  if (failed) throw Error(rtl + ": " + failed.message() + ", expected a folder with " + top + ".sv");
  if (!known.count(top)) throw Error(rtl + ": found no " + top + ".sv");
  std::map<std::string, std::string> needed;
  std::vector<std::string> open = {top};
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (needed.count(name)) continue;
    needed[name] = read_text(rtl + "/" + name + ".sv");
    for (const std::string& word : words_of(needed[name]))
      if (known.count(word)) open.push_back(word);
    for (const std::string& module : modules_of(needed[name]))
      if (!known.count(module)) throw Error(rtl + ": found no " + module + ".sv, which " + name + ".sv needs");
  }
  return needed;
}

std::string range(int width) { return "[" + std::to_string(width - 1) + ":0]"; }

struct Port {
  const char* direction;
  int width;
  const char* name;
};

std::vector<Port> ports_of(const DesignOptions& o) {
  const ArrayConfig& c = o.array;
  const int sa = count_bits(c.ng), sb = count_bits(c.ng_b);
  if (o.ports == Ports::array)
    return {{"input", 1, "clk"},
            {"input", c.rows * c.a_bits, "a"},
            {"input", c.rows * sa, "a_shift"},
            {"input", c.cols * c.b_bits, "b"},
            {"input", c.cols * sb, "b_shift"},
            {"input", 1, "valid"},
            {"input", 1, "step"},
            {"input", 1, "drain"},
            {"output", c.cols * c.acc_bits, "sum"}};
  const int in = (c.rows * (c.a_bits + sa) + c.cols * (c.b_bits + sb) + 7) / 8 * 8;
  return {{"input", 1, "aclk"},
          {"input", 1, "aresetn"},
          {"input", in, "s_axis_tdata"},
          {"input", 1, "s_axis_tuser"},
          {"input", 1, "s_axis_tlast"},
          {"input", 1, "s_axis_tvalid"},
          {"output", 1, "s_axis_tready"},
          {"output", c.cols * ((c.acc_bits + 7) / 8 * 8), "m_axis_tdata"},
          {"output", 1, "m_axis_tlast"},
          {"output", 1, "m_axis_tvalid"},
          {"input", 1, "m_axis_tready"}};
}

const char* const kParameters[] = {"ROWS", "COLS", "A_BITS", "B_BITS", "A_SIGNED", "NG", "NG_B", "ACC_BITS", "PLACEMENT",
                                   "STYLE"};

std::string parameters_text(const DesignOptions& o) {
  const ArrayConfig& c = o.array;
  const int values[] = {c.rows, c.cols, c.a_bits,   c.b_bits,         1,
                        c.ng,   c.ng_b, c.acc_bits, int(c.placement), int(o.style)};
  std::string text = "// Parameters of " + o.name + "; fpga/README.md of Subbyte explains them. Any codes and shifts: at most " +
                     std::to_string(c.most_reduced()) + " products a sum.\n";
  for (size_t i = 0; i < std::size(kParameters); ++i)
    text += "localparam " + std::string(kParameters[i]) + " = " + std::to_string(values[i]) + ";\n";
  return text;
}

std::string top_text(const DesignOptions& o, const std::string& core) {
  const std::vector<Port> ports = ports_of(o);
  std::string text = "// " + std::string(placement_name(o.array.placement)) + " array of " + std::to_string(o.array.rows) + " x " +
                     std::to_string(o.array.cols) + " with its parameters bound.\nmodule " + o.name + " (\n";
  for (size_t i = 0; i < ports.size(); ++i)
    text += "    " + std::string(ports[i].direction) + " wire " + (ports[i].width > 1 ? range(ports[i].width) + " " : "") +
            ports[i].name + (i + 1 < ports.size() ? ",\n" : "\n");
  text += ");\n`include \"" + o.name + "_parameters.svh\"\n  " + core + " #(\n";
  for (const char* name : kParameters)
    text += "      ." + std::string(name) + "(" + name + ")" + (name == kParameters[std::size(kParameters) - 1] ? "\n" : ",\n");
  text += "  ) core (\n";
  for (size_t i = 0; i < ports.size(); ++i)
    text += "      ." + std::string(ports[i].name) + "(" + ports[i].name + (i + 1 < ports.size() ? "),\n" : ")\n");
  return text + "  );\nendmodule\n";
}

void require_identifier(const std::string& name) {
  const bool good = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
                    std::all_of(name.begin(), name.end(), is_word) && name.size() <= 64;
  if (!good) throw UsageError("name: found '" + name + "', expected letters, digits and _, no digit first");
}

}  // namespace

LogicStyle parse_logic_style(std::string_view text) { return LogicStyle(chosen("style", text, {"plain", "xilinx7", "dsp48e1"})); }
Ports parse_ports(std::string_view text) { return Ports(chosen("ports", text, {"array", "axi"})); }

std::vector<DesignFile> make_design(const DesignOptions& o, const std::string& rtl) {
  require_identifier(o.name);
  o.array.validate();
  if (o.style == LogicStyle::dsp48e1 && o.array.placement == Placement::barrel)
    throw UsageError("style: found dsp48e1 with placement barrel, expected sorted, edge or none (a DSP slice shifts no product)");
  const std::string core = o.ports == Ports::array ? "subbyte_array" : "subbyte_top";
  const std::map<std::string, std::string> modules = needed_modules(rtl, core);
  if (modules.count(o.name)) throw UsageError("name: found '" + o.name + "', which is a module of the array");
  std::vector<DesignFile> files = {{o.name + "_parameters.svh", parameters_text(o)}, {o.name + ".sv", top_text(o, core)}};
  std::string list = o.name + ".sv\n";
  for (const auto& [name, text] : modules) {
    files.push_back({name + ".sv", text});
    list += name + ".sv\n";
  }
  files.push_back({"files.f", list});
  return files;
}

void require_reduced(const ArrayConfig& c, int64_t reduced) {
  if (reduced <= c.most_reduced()) return;
  const int product = c.a_bits + c.b_bits - 2 + c.most_shift();
  throw UsageError("reduced: found " + std::to_string(reduced) + ", expected at most " + std::to_string(c.most_reduced()) +
                   " products of any codes in a sum of " + std::to_string(c.acc_bits) + " bits; " +
                   std::to_string(product + int(std::bit_width(uint64_t(reduced))) + 1) + " bits hold them");
}

}  // namespace subbyte
