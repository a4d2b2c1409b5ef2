#include <cmath>

#include "cli/analyze/output.h"

namespace subbyte {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(); }
Json ratio(double a, double b) { return b > 0 ? number(a / b) : Json(); }

Json list(const std::vector<double>& values) {
  Json array = Json::array();
  for (double value : values) array.push_back(number(value));
  return array;
}

Json estimate(const Estimate& e) { return {{"value", number(e.value)}, {"error", number(e.error)}}; }

Json variances(const VarianceSums& v) {
  return {{"tensor", number(v.tensor)},
          {"channel", number(v.channel)},
          {"optimal", number(v.optimal)},
          {"shift", number(v.shift)},
          {"bound", number(v.bound)},
          {"capped_channels", number(v.capped)},
          {"shift_to_optimal", ratio(v.shift, v.optimal)},
          {"shift_to_channel", ratio(v.shift, v.channel)},
          {"tensor_to_channel", ratio(v.tensor, v.channel)},
          {"chain_holds", v.chain_holds}};
}

Json gradient(const LayerStudy& l) {
  const Estimate bias = l.rounding.bias();
  const double step = l.step > 0 ? l.step : 1;
  return {{"bits", l.gradient_bits},
          {"groups", l.groups},
          {"sample_groups", l.sample_groups},
          {"block_groups", l.block_groups},
          {"channels", l.channels},
          {"octaves", list(l.octaves)},
          {"group", l.group},
          {"channels_by_group", list(l.histogram)},
          {"samples_by_group", list(l.samples)},
          {"step", number(l.step)},
          {"elements", l.rounding.elements()},
          {"by_channel", variances(l.by_channel)},
          {"with_samples", variances(l.with_samples)},
          {"with_blocks", number(l.with_blocks)},
          {"with_blocks_to_with_samples", ratio(l.with_blocks, l.with_samples.shift)},
          {"with_samples_to_by_channel", ratio(l.with_samples.shift, l.by_channel.shift)},
          {"bias", estimate(bias)},
          {"bias_in_steps", estimate({bias.value / step, bias.error / step})},
          {"gain", estimate(l.rounding.gain())},
          {"variance", number(l.rounding.variance())},
          {"variance_to_bound", ratio(l.rounding.variance(), l.with_blocks)},
          {"snr_db", number(l.rounding.power().decibels())}};
}

}  // namespace

Json study_json(const StudiedCheckpoint& checkpoint) {
  Json layers = Json::array();
  for (const LayerStudy& l : checkpoint.study.layers)
    layers.push_back({{"name", l.name},
                      {"kind", l.kind},
                      {"format", l.format},
                      {"gradient", gradient(l)},
                      {"activation_block_groups", l.activation_block_groups},
                      {"activation_snr_db", l.activations ? number(l.activations->decibels()) : Json()},
                      {"weight_snr_db", number(l.weights.decibels())},
                      {"weight_gradient",
                       {{"cosine_to_other_roundings", number(l.rounding_to_rest)},
                        {"cosine_to_fp32", number(l.to_twin)},
                        {"mean_cosine_to_fp32", number(l.mean_to_twin)},
                        {"expected_cosine_to_fp32", number(l.expected_to_twin)}}}});
  return {{"checkpoint", checkpoint.file},
          {"epoch", checkpoint.progress.epoch},
          {"step", checkpoint.progress.step},
          {"loss", number(checkpoint.study.loss)},
          {"layers", layers}};
}

}  // namespace subbyte
