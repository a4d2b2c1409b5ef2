// The three products of every convolution of the models in oneDNN, in the layouts and with the algorithm that it is
// fastest in; reorders are not counted:
//   peer_onednn_products [--models A,B] [--formats fp32,bf16,int8] [--threads N] [--seconds S] [--json FILE]
// Every product is checked against plain loops on two images before it is timed. int8 (u8 x s8 to s32) is forward alone:
// oneDNN has no other. ONEDNN_MAX_CPU_ISA=AVX2 in the environment holds it to that instruction set.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <dnnl.hpp>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "nn/spec.h"

namespace {

using dnnl::memory;
using tag = memory::format_tag;
using type = memory::data_type;

struct ConvShape {
  int n, h, w, ci, co, k, stride, pad;
  bool first;  ///< reads the network's input: needs no backward-data
  int oh() const { return (h + 2 * pad - k) / stride + 1; }
  int ow() const { return (w + 2 * pad - k) / stride + 1; }
  double macs() const { return double(n) * oh() * ow() * ci * co * k * k; }
  auto key() const { return std::tuple(h, w, ci, co, k, stride, pad); }
};

enum class Direction { forward, backward_data, backward_weights };
constexpr const char* direction_names[] = {"forward", "backward-data", "backward-weights"};

/// Distinct convolutions in order of execution.
std::vector<ConvShape> conv_shapes(const std::string& model, int size, int batch) {
  const subbyte::ModelSpec spec = subbyte::make_model(model, {size, size, 3}, 10);
  std::vector<ConvShape> shapes;
  std::set<decltype(ConvShape{}.key())> seen;
  for (const subbyte::Node& node : spec.nodes) {
    if (node.kind != subbyte::NodeKind::conv || node.depthwise) continue;
    const subbyte::Shape in = spec.nodes[node.input].shape;
    const ConvShape shape{batch,  in.h, in.w, in.c, node.shape.c, node.kernel_h, node.stride, node.pad, node.input == 0};
    if (seen.insert(shape.key()).second) shapes.push_back(shape);
  }
  return shapes;
}

/// A primitive and its three tensors: x [n][h][w][ci], weight [co][k][k][ci], y [n][oh][ow][co], or their gradients.
struct Product {
  dnnl::primitive primitive;
  memory::desc x, weight, y;
  std::string implementation;
};

Product make_product(const dnnl::engine& engine, const ConvShape& s, const std::string& format, Direction direction,
                     dnnl::algorithm algorithm) {
  const bool int8 = format == "int8";
  const type element = format == "bf16" ? type::bf16 : type::f32;
  const memory::dims strides{s.stride, s.stride}, begin{s.pad, s.pad};
  // What the last window does not cover is cut.
  const memory::dims end{(s.oh() - 1) * s.stride + s.k - s.h - s.pad, (s.ow() - 1) * s.stride + s.k - s.w - s.pad};
  const memory::desc x({s.n, s.ci, s.h, s.w}, int8 ? type::u8 : element, tag::any);
  const memory::desc y({s.n, s.co, s.oh(), s.ow()}, int8 ? type::s32 : element, tag::any);
  const memory::desc weight({s.co, s.ci, s.k, s.k}, int8 ? type::s8 : element, tag::any);
  const memory::desc gradient({s.co, s.ci, s.k, s.k}, type::f32, tag::any);  // as PyTorch's autocast and our twin
  const auto kind = int8 ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
  const dnnl::convolution_forward::primitive_desc forward(
      dnnl::convolution_forward::desc(kind, algorithm, x, weight, y, strides, begin, end), engine);
  switch (direction) {
    case Direction::forward:
      return {dnnl::convolution_forward(forward), forward.src_desc(), forward.weights_desc(), forward.dst_desc(),
              forward.impl_info_str()};
    case Direction::backward_data: {
      const dnnl::convolution_backward_data::primitive_desc data(
          dnnl::convolution_backward_data::desc(algorithm, x, weight, y, strides, begin, end), engine, forward);
      return {dnnl::convolution_backward_data(data), data.diff_src_desc(), data.weights_desc(), data.diff_dst_desc(),
              data.impl_info_str()};
    }
    case Direction::backward_weights: break;
  }
  const dnnl::convolution_backward_weights::primitive_desc weights(
      dnnl::convolution_backward_weights::desc(algorithm, x, gradient, y, strides, begin, end), engine, forward);
  return {dnnl::convolution_backward_weights(weights), weights.src_desc(), weights.diff_weights_desc(),
          weights.diff_dst_desc(), weights.impl_info_str()};
}

/// The tensors in plain order.
struct Tensors {
  std::vector<float> x, weight, y;

  explicit Tensors(const ConvShape& s)
      : x(size_t(s.n) * s.h * s.w * s.ci), weight(size_t(s.co) * s.k * s.k * s.ci),
        y(size_t(s.n) * s.oh() * s.ow() * s.co) {
    std::minstd_rand random(1);
    for (float& value : x) value = float(random() % 4);  // small integers are the same numbers in every format
    for (float& value : weight) value = float(int(random() % 7) - 3);
    for (float& value : y) value = float(int(random() % 7) - 3);
  }

  std::vector<float>& result(Direction direction) {
    return direction == Direction::forward ? y : direction == Direction::backward_data ? x : weight;
  }
};

/// A product ready to run.
class Run {
 public:
  Run(const dnnl::engine& engine, const Product& product, const ConvShape& s, Direction direction, Tensors& tensors)
      : stream_(engine), primitive_(product.primitive),
        x_(product.x, engine), weight_(product.weight, engine), y_(product.y, engine),
        plain_x_(memory::desc({s.n, s.ci, s.h, s.w}, type::f32, tag::nhwc), engine, tensors.x.data()),
        plain_weight_(memory::desc({s.co, s.ci, s.k, s.k}, type::f32, tag::ohwi), engine, tensors.weight.data()),
        plain_y_(memory::desc({s.n, s.co, s.oh(), s.ow()}, type::f32, tag::nhwc), engine, tensors.y.data()) {
    copy(plain_x_, x_);
    copy(plain_weight_, weight_);
    copy(plain_y_, y_);
    switch (direction) {
      case Direction::forward:
        arguments_ = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, weight_}, {DNNL_ARG_DST, y_}};
        break;
      case Direction::backward_data:
        arguments_ = {{DNNL_ARG_DIFF_SRC, x_}, {DNNL_ARG_WEIGHTS, weight_}, {DNNL_ARG_DIFF_DST, y_}};
        break;
      case Direction::backward_weights:
        arguments_ = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_DIFF_WEIGHTS, weight_}, {DNNL_ARG_DIFF_DST, y_}};
        break;
    }
  }

  void execute() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

  /// Writes the result to the plain tensor that it was given.
  void read(Direction direction) {
    if (direction == Direction::forward) copy(y_, plain_y_);
    if (direction == Direction::backward_data) copy(x_, plain_x_);
    if (direction == Direction::backward_weights) copy(weight_, plain_weight_);
  }

 private:
  void copy(memory& from, memory& to) {
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  dnnl::stream stream_;
  dnnl::primitive primitive_;
  memory x_, weight_, y_, plain_x_, plain_weight_, plain_y_;
  std::unordered_map<int, memory> arguments_;
};

std::vector<double> plain_loops(const ConvShape& s, Direction direction, Tensors& t) {
  std::vector<double> sums(t.result(direction).size());
  for (int n = 0; n < s.n; ++n)
    for (int oy = 0; oy < s.oh(); ++oy)
      for (int ox = 0; ox < s.ow(); ++ox)
        for (int ky = 0; ky < s.k; ++ky)
          for (int kx = 0; kx < s.k; ++kx) {
            const int iy = oy * s.stride + ky - s.pad, ix = ox * s.stride + kx - s.pad;
            if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
            const size_t x = ((size_t(n) * s.h + iy) * s.w + ix) * s.ci;
            const size_t y = ((size_t(n) * s.oh() + oy) * s.ow() + ox) * s.co;
            for (int co = 0; co < s.co; ++co) {
              const size_t weight = ((size_t(co) * s.k + ky) * s.k + kx) * s.ci;
              const double dy = t.y[y + co];
              double sum = 0;
              for (int ci = 0; ci < s.ci; ++ci) {
                if (direction == Direction::forward) sum += double(t.x[x + ci]) * t.weight[weight + ci];
                if (direction == Direction::backward_data) sums[x + ci] += dy * t.weight[weight + ci];
                if (direction == Direction::backward_weights) sums[weight + ci] += dy * t.x[x + ci];
              }
              if (direction == Direction::forward) sums[y + co] += sum;
            }
          }
  return sums;
}

/// Throws where two images' results differ from plain loops by more than rounding.
void check(const dnnl::engine& engine, ConvShape s, const std::string& format, Direction direction,
           dnnl::algorithm algorithm) {
  s.n = 2;
  Tensors tensors(s);
  const std::vector<double> expected = plain_loops(s, direction, tensors);
  std::vector<float>& result = tensors.result(direction);
  const Product product = make_product(engine, s, format, direction, algorithm);
  Run run(engine, product, s, direction, tensors);
  run.execute();
  run.read(direction);
  // Products are at most 9; FP32 sums of `terms` of them round by far less than 16 units of that (Winograd included).
  const double terms = s.macs() / double(result.size());
  const double absolute = format == "int8" ? 0 : 16 * 0x1p-24 * 9 * terms;
  const double relative = format == "bf16" && direction != Direction::backward_weights ? 0x1p-8 : 0;
  for (size_t i = 0; i < result.size(); ++i)
    if (!(std::abs(result[i] - expected[i]) <= absolute + relative * std::abs(expected[i])))
      throw std::runtime_error(product.implementation + " " + direction_names[int(direction)] + " " + format +
                               ": element " + std::to_string(i) + " is " + std::to_string(result[i]) + ", expected " +
                               std::to_string(expected[i]));
}

struct Seconds {
  double min, median;
};

Seconds time_product(const dnnl::engine& engine, const ConvShape& s, const Product& product, Direction direction,
                     double seconds) {
  Tensors tensors(s);
  Run run(engine, product, s, direction, tensors);
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  for (int i = 0; i < 2; ++i) run.execute();
  std::vector<double> times;
  const Clock::time_point begin = Clock::now();
  while (times.size() < 5 || since(begin) < seconds) {
    const Clock::time_point start = Clock::now();
    run.execute();
    times.push_back(since(start));
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

const char* isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    default: return "other";
  }
}

/// The faster of oneDNN's direct algorithm and its own choice (which may be Winograd).
nlohmann::json measure(const dnnl::engine& engine, const ConvShape& s, const std::string& format, Direction direction,
                       double seconds) {
  nlohmann::json best;
  std::string tried;
  for (const dnnl::algorithm algorithm : {dnnl::algorithm::convolution_direct, dnnl::algorithm::convolution_auto}) {
    const Product product = make_product(engine, s, format, direction, algorithm);
    if (product.implementation == tried) continue;
    tried = product.implementation;
    check(engine, s, format, direction, algorithm);
    const Seconds time = time_product(engine, s, product, direction, seconds);
    if (!best.is_null() && best["ms"] <= 1e3 * time.median) continue;
    best = {{"ms", 1e3 * time.median}, {"gmacs", 1e-9 * s.macs() / time.median},
            {"gmacs_best", 1e-9 * s.macs() / time.min}, {"implementation", product.implementation}};
  }
  return best;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::stringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string models = "resnet20,vgg-small,resnet18", formats = "fp32,bf16,int8", json_path;
  int threads = omp_get_max_threads();
  double seconds = 0.3;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) throw std::runtime_error(option + ": a value expected; see the head of onednn_products.cc");
    if (option == "--models") models = argv[i + 1];
    else if (option == "--formats") formats = argv[i + 1];
    else if (option == "--threads") threads = std::atoi(argv[i + 1]);
    else if (option == "--seconds") seconds = std::atof(argv[i + 1]);
    else if (option == "--json") json_path = argv[i + 1];
    else throw std::runtime_error("unknown option " + option + ", expected --models, --formats, --threads, --seconds, --json");
  }
  omp_set_num_threads(threads);
  const dnnl_version_t& v = *dnnl::version();
  const std::string version = std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
  std::printf("oneDNN %s, %s, %d threads\n", version.c_str(), isa(), threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  nlohmann::json results = nlohmann::json::array();
  for (const std::string& model : split(models)) {
    const bool large = model == "resnet18";
    for (const ConvShape& s : conv_shapes(model, large ? 224 : 32, large ? 16 : 128))
      for (const std::string& format : split(formats))
        for (const Direction direction : {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
          if (s.first && direction == Direction::backward_data) continue;
          if (format == "int8" && direction != Direction::forward) continue;
          nlohmann::json result = {{"bench", "products"}, {"library", "onednn"}, {"version", version}, {"isa", isa()},
                                   {"model", model}, {"n", s.n}, {"h", s.h}, {"w", s.w}, {"ci", s.ci}, {"co", s.co},
                                   {"kh", s.k}, {"stride", s.stride}, {"pad", s.pad},
                                   {"direction", direction_names[int(direction)]}, {"format", format},
                                   {"threads", threads}};
          std::printf("%-10s %3dx%-3d %3d->%-3d k%d s%d %-17s %-5s", model.c_str(), s.h, s.w, s.ci, s.co, s.k, s.stride,
                      direction_names[int(direction)], format.c_str());
          try {
            result.update(measure(engine, s, format, direction, seconds));
            std::printf("%8.1f GMAC/s (best %.1f)  %s\n", result["gmacs"].get<double>(),
                        result["gmacs_best"].get<double>(), result["implementation"].get<std::string>().c_str());
          } catch (const dnnl::error& error) {  // bf16 where the processor has none
            result["error"] = error.message;
            std::printf(" not there: %s\n", error.message);
          }
          std::fflush(stdout);
          results.push_back(std::move(result));
        }
  }
  if (!json_path.empty()) {
    std::ofstream file(json_path);
    file << results.dump(1) << "\n";
    if (!file.flush()) throw std::runtime_error(json_path + ": cannot be written");
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "peer_onednn_products: %s\n", error.what());
  return 1;
}
