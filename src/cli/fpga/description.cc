#include "cli/fpga/description.h"

namespace subbyte {
namespace {

using Json = nlohmann::ordered_json;

Json operand_json(const ArrayOperand& o) {
  return {{"bits", o.bits}, {"signed", o.is_signed}, {"zero_point_taken_out", o.zero}, {"most_shift", o.most_shift()}};
}

/// Why beats are what they are, in words.
const char* order_text(const Schedule& s) {
  if (s.config.placement != Placement::sorted) return "every k once, rising; shifts stand beside the operands";
  if (!s.by_block) return "every k once, from the largest shift down; a step doubles the sums";
  return "shifts vary within a k, because blocks of 16 elements have their own: a beat feeds the elements whose shifts are the "
         "index word's, others as zeros; from the largest sum of shifts down, a step doubles the sums";
}

}  // namespace

Json array_json(const ArrayConfig& c) {
  return {{"rows", c.rows},     {"cols", c.cols},         {"a_bits", c.a_bits}, {"b_bits", c.b_bits},
          {"a_signed", 1},      {"ng", c.ng},             {"ng_b", c.ng_b},     {"acc_bits", c.acc_bits},
          {"placement", placement_name(c.placement)}};
}

Json cycles_json(const Cycles& c) {
  return {{"macs", c.macs},
          {"tiles", c.tiles},
          {"beats", c.beats},
          {"sequential", c.sequential},
          {"overlapped", c.overlapped}};
}

Json product_json(const Schedule& s, const std::string& whole, const std::string& prefix, const std::vector<HexFile>& files) {
  const ArrayProduct& p = s.product;
  const IndexFields f = index_fields(s);
  Json json = {{"name", p.name},
               {"product", whole},
               {"sum_shift", p.sum_shift},
               {"m", p.m()},
               {"n", p.n()},
               {"k", p.k},
               {"rows", p.rows},
               {"columns", p.columns},
               {"reduced", p.reduced},
               {"a", operand_json(p.a)},
               {"b", operand_json(p.b)},
               {"k_shift", p.k_shift},
               {"order", order_text(s)},
               {"index", {{"k_bits", f.k}, {"a_shift_bits", f.a_shift}, {"b_shift_bits", f.b_shift}, {"step_bit", f.bits() - 1}}},
               {"tiles", Json::array()},
               {"files", Json::object()},
               {"cycles", cycles_json(count_cycles(s))}};
  for (const Tile& tile : s.tiles)
    json["tiles"].push_back({{"m", tile.m}, {"n", tile.n}, {"first", tile.first}, {"count", tile.count}});
  for (const HexFile& file : files)
    json["files"][file.name] = {{"file", prefix + file.name + ".hex"}, {"word_bits", file.bits}, {"words", file.words}};
  return json;
}

}  // namespace subbyte
