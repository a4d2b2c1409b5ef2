#include "nn/float/layout.h"

#include <algorithm>

namespace subbyte::twin {
namespace {

class Planner {
 public:
  Planner(const ModelSpec& model, ElementType type, int count, bool training, Arena& arena)
      : nodes_(model.nodes), type_(type), count_(count), training_(training), arena_(arena), outputs_(nodes_.size()),
        consumers_(nodes_.size()), last_use_(nodes_.size()) {
    layout_.tensors.resize(nodes_.size());
    layout_.extra.resize(nodes_.size());
    for (int id = 1; id < int(nodes_.size()); ++id)
      for (const int read : {nodes_[id].input, nodes_[id].residual})
        if (read >= 0) {
          ++consumers_[read];
          last_use_[read] = id;
        }
  }

  Layout run() {
    forward();
    if (training_) backward();
    layout_.kept = outputs_;  // of an evaluation, what is left: the logits
    return std::move(layout_);
  }

 private:
  Arena::Handle take(int id) {
    const bool logits = id + 1 == int(nodes_.size());  // always FP32
    return arena_.take(size_t(count_) * nodes_[id].shape.elements() * (logits ? 4 : element_size(type_)));
  }

  void forward() {
    for (int id = 0; id < int(nodes_.size()); ++id) {
      const Node& node = nodes_[id];
      OpTensors& tensors = layout_.tensors[id];
      const bool alias = node.kind == NodeKind::flatten || (!training_ && norm_in_place(id));
      outputs_[id] = alias ? outputs_[node.input] : take(id);
      tensors.y = outputs_[id].get();
      if (node.input >= 0) tensors.x = outputs_[node.input].get();
      if (node.residual >= 0) tensors.residual = outputs_[node.residual].get();
      if (!training_)
        for (int before = 0; before < id; ++before)
          if (last_use_[before] <= id) outputs_[before].reset();
    }
  }

  /// A product's output that only its norm reads is dead once the norm is done with it: the norm overwrites it, with
  /// its output in an evaluation, with the gradient in backward.
  bool norm_in_place(int id) const {
    const Node& node = nodes_[id];
    if (node.kind != NodeKind::norm_act || consumers_[node.input] != 1) return false;
    const NodeKind producer = nodes_[node.input].kind;
    return producer == NodeKind::conv || producer == NodeKind::linear;
  }

  void backward() {
    const int size = int(nodes_.size());
    std::vector<bool> learns(size);  // the node or one before it has parameters
    for (int id = 1; id < size; ++id) {
      const Node& node = nodes_[id];
      learns[id] = node.kind == NodeKind::conv || node.kind == NodeKind::linear || node.kind == NodeKind::norm_act ||
                   learns[node.input];
    }
    std::vector<std::vector<Arena::Handle>> gradients(size);  // one of every consumer, last consumer first
    gradients.back().push_back(take(size - 1));
    for (int id = size - 1; id > 0; --id) {
      const Node& node = nodes_[id];
      std::vector<Arena::Handle> mine = std::move(gradients[id]);
      if (mine.empty() || !learns[id]) continue;
      OpTensors& tensors = layout_.tensors[id];
      tensors.dy = mine[0].get();
      size_t taken = 1;
      if (node.kind == NodeKind::norm_act && mine.size() > 1) tensors.dy_more = mine[taken++].get();
      for (; taken < mine.size(); ++taken) layout_.extra[id].push_back(mine[taken].get());
      if (learns[node.input]) {
        const bool alias = node.kind == NodeKind::flatten;
        Arena::Handle dx = alias ? mine[0] : norm_in_place(id) ? outputs_[node.input] : take(node.input);
        tensors.dx = dx.get();
        gradients[node.input].push_back(std::move(dx));
      }
      // The norm leaves the gradient of its sum in dy, which is the residual's too.
      if (node.residual >= 0 && learns[node.residual]) gradients[node.residual].push_back(mine[0]);
    }
  }

  const std::vector<Node>& nodes_;
  ElementType type_;
  int count_;
  bool training_;
  Arena& arena_;
  Layout layout_;
  std::vector<Arena::Handle> outputs_;
  std::vector<int> consumers_, last_use_;
};

}  // namespace

Layout lay_out(const ModelSpec& model, ElementType type, int count, bool training, Arena& arena) {
  return Planner(model, type, count, training, arena).run();
}

}  // namespace subbyte::twin
