#include "nn/spec.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace subbyte {
namespace {

std::string shape_text(Shape shape) {
  return std::to_string(shape.h) + "x" + std::to_string(shape.w) + "x" + std::to_string(shape.c);
}

}  // namespace

const char* node_kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::input: return "input";
    case NodeKind::conv: return "conv";
    case NodeKind::linear: return "linear";
    case NodeKind::norm_act: return "norm_act";
    case NodeKind::max_pool: return "max_pool";
    case NodeKind::avg_pool: return "avg_pool";
    case NodeKind::global_avg_pool: return "global_avg_pool";
    case NodeKind::flatten: return "flatten";
  }
  return "unknown";
}

SpecBuilder::SpecBuilder(std::string model, Shape input, int classes) {
  spec_.name = std::move(model);
  spec_.classes = classes;
  if (input.h < 1 || input.w < 1 || input.c < 1)
    throw UsageError("model " + spec_.name + ": input " + shape_text(input) + " has an empty dimension");
  if (classes < 2)
    throw UsageError("model " + spec_.name + ": " + std::to_string(classes) + " classes found, at least 2 expected");
  Node node;
  node.name = "input";
  node.shape = input;
  spec_.nodes.push_back(std::move(node));
}

Shape SpecBuilder::shape(int node) const {
  if (node < 0 || node >= int(spec_.nodes.size()))
    throw UsageError("model " + spec_.name + ": no node " + std::to_string(node));
  return spec_.nodes[node].shape;
}

int SpecBuilder::add(Node node) {
  const std::string where = "model " + spec_.name + ", node " + node.name + ": ";
  if (std::any_of(spec_.nodes.begin(), spec_.nodes.end(), [&](const Node& other) { return other.name == node.name; }))
    throw UsageError(where + "the name is taken");
  const Shape in = shape(node.input);
  if (node.kernel_h < 1 || node.kernel_w < 1 || node.stride < 1 || node.pad < 0)
    throw UsageError(where + "kernel and stride must be at least 1 and padding at least 0");
  // An output that sees padding alone would be empty (max) or constant (conv).
  if (node.pad >= std::max(node.kernel_h, node.kernel_w))
    throw UsageError(where + "padding " + std::to_string(node.pad) + " is not smaller than the kernel");
  const int padded_h = in.h + 2 * node.pad, padded_w = in.w + 2 * node.pad;
  if (node.kernel_h > padded_h || node.kernel_w > padded_w)
    throw UsageError(where + "kernel " + std::to_string(node.kernel_h) + "x" + std::to_string(node.kernel_w) +
                     " is larger than its padded input " + std::to_string(padded_h) + "x" + std::to_string(padded_w));
  node.shape.h = (padded_h - node.kernel_h) / node.stride + 1;
  node.shape.w = (padded_w - node.kernel_w) / node.stride + 1;
  if (node.shape.c < 1) throw UsageError(where + "at least 1 output expected");
  spec_.nodes.push_back(std::move(node));
  return int(spec_.nodes.size()) - 1;
}

int SpecBuilder::conv(const std::string& name, int input, int outputs, int kernel, int stride, int pad) {
  Node node;
  node.kind = NodeKind::conv;
  node.name = name;
  node.input = input;
  node.kernel_h = node.kernel_w = kernel;
  node.stride = stride;
  node.pad = pad;
  node.shape.c = outputs;
  return add(std::move(node));
}

int SpecBuilder::depthwise(const std::string& name, int input, int kernel, int stride, int pad) {
  Node node;
  node.kind = NodeKind::conv;
  node.name = name;
  node.input = input;
  node.kernel_h = node.kernel_w = kernel;
  node.stride = stride;
  node.pad = pad;
  node.depthwise = true;
  node.shape.c = shape(input).c;
  return add(std::move(node));
}

int SpecBuilder::norm_act(const std::string& name, int input, bool relu, int residual) {
  if (residual != -1 && shape(residual) != shape(input))
    throw UsageError("model " + spec_.name + ", node " + name + ": residual " + shape_text(shape(residual)) +
                     " found, " + shape_text(shape(input)) + " expected");
  Node node;
  node.kind = NodeKind::norm_act;
  node.name = name;
  node.input = input;
  node.residual = residual;
  node.relu = relu;
  node.shape.c = shape(input).c;
  return add(std::move(node));
}

int SpecBuilder::max_pool(const std::string& name, int input, int kernel, int stride, int pad) {
  Node node;
  node.kind = NodeKind::max_pool;
  node.name = name;
  node.input = input;
  node.kernel_h = node.kernel_w = kernel;
  node.stride = stride;
  node.pad = pad;
  node.shape.c = shape(input).c;
  return add(std::move(node));
}

int SpecBuilder::avg_pool(const std::string& name, int input, int kernel, int stride) {
  Node node;
  node.kind = NodeKind::avg_pool;
  node.name = name;
  node.input = input;
  node.kernel_h = node.kernel_w = kernel;
  node.stride = stride;
  node.shape.c = shape(input).c;
  return add(std::move(node));
}

int SpecBuilder::global_avg_pool(const std::string& name, int input) {
  Node node;
  node.kind = NodeKind::global_avg_pool;
  node.name = name;
  node.input = input;
  node.kernel_h = shape(input).h;
  node.kernel_w = shape(input).w;
  node.shape.c = shape(input).c;
  return add(std::move(node));
}

int SpecBuilder::flatten(const std::string& name, int input) {
  Node node;
  node.kind = NodeKind::flatten;
  node.name = name;
  node.input = input;
  const int id = add(std::move(node));
  spec_.nodes[id].shape = Shape{1, 1, shape(input).elements()};
  return id;
}

int SpecBuilder::linear(const std::string& name, int input, int outputs, bool bias) {
  if (shape(input).h != 1 || shape(input).w != 1)
    throw UsageError("model " + spec_.name + ", node " + name + ": input " + shape_text(shape(input)) +
                     " found, a flat one (1x1xc) expected");
  Node node;
  node.kind = NodeKind::linear;
  node.name = name;
  node.input = input;
  node.bias = bias;
  node.shape.c = outputs;
  return add(std::move(node));
}

ModelSpec SpecBuilder::finish() {
  const Node& last = spec_.nodes.back();
  if (last.kind != NodeKind::linear || !last.bias || last.shape.c != spec_.classes)
    throw UsageError("model " + spec_.name + ": the last node must be a linear with bias and " +
                     std::to_string(spec_.classes) + " outputs, found " + node_kind_name(last.kind) + " '" + last.name +
                     "'");
  return std::move(spec_);
}

}  // namespace subbyte
