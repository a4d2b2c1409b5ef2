// The products that go to hardware are those of a training step: the kernels' own sums, by every instruction set, equal the
// sums of the lowered matrices, and every schedule gives them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "fpga/parts.h"
#include "fpga/record.h"
#include "fpga/schedule.h"
#include "network_support.h"

namespace subbyte {
namespace {

/// The products of every layer after two steps, image `image` of a batch.
std::vector<LayerProducts> products_of(const ModelSpec& model, const NetworkConfig& config, int batch, int image) {
  const auto network = initialized_network(config);
  const BarImages images(model, batch);
  network->train_step(images.batch, 0);
  return record_products(*network, images.batch, 1, image, array_layers(model));  // compares every sum
}

void expect_schedules(const std::vector<LayerProducts>& layers, const ArrayConfig& config) {
  for (const LayerProducts& layer : layers)
    for (const ArrayProduct& p : layer.products)
      for (const ArrayProduct& part : split_product(p, config)) EXPECT_NO_THROW(check_schedule(make_schedule(part, config)));
}

TEST(FpgaProducts, OfEveryLayerInEveryPlacement) {
  for (const ModelSpec& model : {residual_model(), mlp_model()}) {
    const std::vector<LayerProducts> layers = products_of(model, network_config(model, "w4a4g4"), 8, 5);
    ASSERT_EQ(layers.size(), array_layers(model).size());
    for (const char* format : {"w4a4g4", "w8a8g8"})
      for (Placement placement : {Placement::barrel, Placement::edge, Placement::sorted})
        expect_schedules(layers, array_config(Format::parse(format), 4, placement, 8, 8));
  }
}

TEST(FpgaProducts, HaveEveryShift) {  // else the tests above would say little
  const ModelSpec model = residual_model();
  int a = 0, b = 0, k = 0, unsigned_codes = 0, signed_codes = 0;
  for (const LayerProducts& layer : products_of(model, network_config(model, "w4a4g4"), 8, 0)) {
    EXPECT_EQ(layer.products.front().name, "forward") << layer.layer;
    EXPECT_EQ(layer.products.back().name, "backward_weights") << layer.layer;
    for (const ArrayProduct& p : layer.products) {
      a = std::max(a, p.a.most_shift());
      b = std::max(b, p.b.most_shift());
      k = std::max(k, p.most_k_shift());
      ++(p.a.is_signed ? signed_codes : unsigned_codes);
    }
    const bool first = layer.layer == "conv", strided = layer.layer == "second.conv1" || layer.layer == "second.short.0";
    const size_t phases = layer.layer == "second.conv1" ? 4 : 1;  // of a 1x1 kernel only one phase meets it
    EXPECT_EQ(layer.products.size(), first ? 2 : 2 + phases) << layer.layer;
    EXPECT_EQ(layer.products[1].name, first ? "backward_weights" : strided ? "backward_data.0" : "backward_data");
  }
  EXPECT_EQ(a, 3);
  EXPECT_EQ(b, 3);
  EXPECT_GE(k, 2);
  EXPECT_GT(unsigned_codes, 0);
  EXPECT_GT(signed_codes, 0);
}

TEST(FpgaProducts, OfEveryInstructionSetAndFormat) {
  for (Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    for (const char* format : {"w4a4g4", "w4a4g8", "w6a6g6", "w2a3g5", "w8a8g8"}) products_of(residual_model(),
        network_config(residual_model(), format), 3, 2);
    const NetworkConfig two_draws = [] {
      NetworkConfig config = network_config(wide_model(), "w4a4g4");
      config.quant.draws_g = 2;
      config.quant.groups_w = 3;  // shifts of weights too
      return config;
    }();
    products_of(wide_model(), two_draws, 3, 1);
  }
}

TEST(FpgaProducts, LeaveTheStepAsItWas) {
  const ModelSpec model = residual_model();
  const NetworkConfig config = network_config(model, "w4a4g4");
  const auto plain = initialized_network(config), recorded = initialized_network(config);
  const BarImages images(model, 6);
  for (uint64_t step = 0; step < 3; ++step) {
    plain->train_step(images.batch, step);
    if (step == 1) record_products(*recorded, images.batch, step, 0, array_layers(model));
    else recorded->train_step(images.batch, step);
    for (size_t p = 0; p < plain->params().size(); ++p) EXPECT_EQ(plain->params()[p].grad, recorded->params()[p].grad);
  }
}

}  // namespace
}  // namespace subbyte
