// A model as a list of nodes in execution order. It says what is computed, not in which numbers: the integer network and
// the FP32/BF16 twin both execute it, so they cannot differ in architecture.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

/// Per-sample shape, stored as [h][w][c].
struct Shape {
  int h = 1, w = 1, c = 1;
  int elements() const { return h * w * c; }
  bool operator==(const Shape&) const = default;
};

enum class NodeKind { input, conv, linear, norm_act, max_pool, avg_pool, global_avg_pool, flatten };
const char* node_kind_name(NodeKind kind);

/// One node; its index in ModelSpec::nodes is the id by which later nodes name it. Fields that a kind lacks keep defaults.
struct Node {
  NodeKind kind = NodeKind::input;
  std::string name;      ///< unique, e.g. "layer1.0.conv1"; parameters are "<name>.weight", "<name>.bias"
  int input = -1;        ///< id of the node read
  int residual = -1;     ///< norm_act: id of the node added before the activation, or -1
  bool relu = false;     ///< norm_act: max(., 0) after the addition
  int kernel_h = 1, kernel_w = 1, stride = 1, pad = 0;  ///< conv and pools; zero padding on all sides
  bool depthwise = false;                               ///< conv: groups == channels == outputs
  bool bias = false;     ///< linear only: the last one
  Shape shape;           ///< of the output
};

/// nodes[0] is the input; the last node is a linear with bias whose outputs are the logits.
struct ModelSpec {
  std::string name;
  int classes = 10;
  std::vector<Node> nodes;

  Shape input_shape() const { return nodes.front().shape; }
};

/// Appends nodes and computes their shapes; every method returns the id of the new node.
/// Throws UsageError where a shape does not fit (a kernel larger than its padded input).
class SpecBuilder {
 public:
  SpecBuilder(std::string model, Shape input, int classes);
  int conv(const std::string& name, int input, int outputs, int kernel, int stride, int pad);
  int depthwise(const std::string& name, int input, int kernel, int stride, int pad);
  int norm_act(const std::string& name, int input, bool relu, int residual = -1);
  int max_pool(const std::string& name, int input, int kernel, int stride, int pad);
  int avg_pool(const std::string& name, int input, int kernel, int stride);
  int global_avg_pool(const std::string& name, int input);
  int flatten(const std::string& name, int input);
  int linear(const std::string& name, int input, int outputs, bool bias);
  Shape shape(int node) const;
  ModelSpec finish();  ///< checks that the last node is the classifier

 private:
  int add(Node node);
  ModelSpec spec_;
};

/// One line of `subbyte models`.
struct ModelEntry {
  std::string name, summary;
  ModelSpec (*build)(Shape input, int classes);
};

const std::vector<ModelEntry>& model_list();

/// Throws UsageError (with the nearest name) for an unknown model or an input it cannot take.
ModelSpec make_model(std::string_view name, Shape input, int classes);

}  // namespace subbyte
