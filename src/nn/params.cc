#include <string>
#include <utility>

#include "nn/network.h"

namespace subbyte {
namespace {

Param make(std::string name, std::vector<int64_t> shape, bool is_weight, int fan_in) {
  Param param;
  param.name = std::move(name);
  param.shape = std::move(shape);
  param.is_weight = is_weight;
  param.fan_in = fan_in;
  int64_t count = 1;
  for (const int64_t extent : param.shape) count *= extent;
  param.value.assign(size_t(count), 0.0f);
  param.grad.assign(size_t(count), 0.0f);
  return param;
}

}  // namespace

std::vector<Param> make_params(const ModelSpec& model) {
  std::vector<Param> params;
  for (const Node& node : model.nodes) {
    const int64_t out = node.shape.c;
    switch (node.kind) {
      case NodeKind::conv: {
        const int64_t in = node.depthwise ? 1 : model.nodes[node.input].shape.c;
        const int fan_in = node.kernel_h * node.kernel_w * int(in);
        params.push_back(make(node.name + ".weight", {out, node.kernel_h, node.kernel_w, in}, true, fan_in));
        break;
      }
      case NodeKind::linear: {
        const int in = model.nodes[node.input].shape.elements();
        params.push_back(make(node.name + ".weight", {out, in}, true, in));
        if (node.bias) params.push_back(make(node.name + ".bias", {out}, false, in));
        break;
      }
      case NodeKind::norm_act:
        params.push_back(make(node.name + ".weight", {out}, false, 1));
        params.push_back(make(node.name + ".bias", {out}, false, 1));
        break;
      default: break;
    }
  }
  return params;
}

}  // namespace subbyte
