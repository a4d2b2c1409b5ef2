#include "nn/macs.h"

namespace subbyte {

Macs node_macs(const ModelSpec& model, int node) {
  const Node& n = model.nodes[node];
  Macs macs;
  if (n.kind != NodeKind::conv && n.kind != NodeKind::linear) return macs;
  int source = n.input;
  while (model.nodes[source].kind == NodeKind::flatten) source = model.nodes[source].input;
  const int64_t taps = n.kind == NodeKind::conv ? int64_t(n.kernel_h) * n.kernel_w : 1;
  const int64_t reduced = n.depthwise ? 1 : model.nodes[n.input].shape.c;
  macs.forward = macs.backward_weights = n.shape.elements() * taps * reduced;
  macs.backward_data = source == 0 ? 0 : macs.forward;
  return macs;
}

Macs model_macs(const ModelSpec& model) {
  Macs sum;
  for (int node = 0; node < int(model.nodes.size()); ++node) {
    const Macs macs = node_macs(model, node);
    sum.forward += macs.forward;
    sum.backward_data += macs.backward_data;
    sum.backward_weights += macs.backward_weights;
  }
  return sum;
}

}  // namespace subbyte
