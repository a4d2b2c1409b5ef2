// What quantization does to one checkpoint's tensors, measured on training batches: the variances of docs/method.md (section 3)
// of each product's output gradient, bias and noise of its rounding, and how weight gradients agree with full precision.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nn/network.h"
#include "quant/rounding_errors.h"
#include "train/trainer.h"

namespace subbyte {

struct StudyOptions {
  int batches = 2;
  int roundings = 8;  ///< of the same gradient and of the same step, at least 2
};

/// Variances of the whole gradient tensor in squared real units, summed over the batches, with one kind of shifts.
struct VarianceSums {
  double tensor = 0, channel = 0, optimal = 0, shift = 0, bound = 0;
  double capped = 0;        ///< channels a batch
  bool chain_holds = true;  ///< V_C <= V_opt <= V_S < bound in every batch (<= where the gradient is 0)
};

/// One product layer.
struct LayerStudy {
  std::string name, kind;
  std::string format;       ///< "w4a4g4"
  int channels = 0, gradient_bits = 0, groups = 1, sample_groups = 1;
  int block_groups = 1, activation_block_groups = 1;

  // The output gradient. By channel, of the first batch, without sample shifts:
  std::vector<double> octaves;    ///< log2(r / r_c), infinite for a channel of zeros
  std::vector<int> group;         ///< n_c
  std::vector<double> histogram;  ///< [groups] channels, mean over the batches
  VarianceSums by_channel;        ///< as if there were no sample shifts
  VarianceSums with_samples;      ///< ranges and shifts after samples are scaled by 2^m_i
  double with_blocks = 0;         ///< V_B: as it ran, with the shifts over blocks too
  std::vector<double> samples;    ///< [sample_groups] images with m_i, mean over the batches
  double step = 0;                ///< of code 1 without shifts; root mean square over the batches
  RoundingErrors rounding;        ///< of the gradient as it ran, in real units

  // The weight gradient: cosines, mean over the batches.
  double rounding_to_rest = 0;    ///< of one step and the mean of the others with the same batch: noise alone
  std::optional<double> to_twin;       ///< of one step and the twin's
  std::optional<double> mean_to_twin;  ///< of the mean over all steps and the twin's
  /// Of the expected gradient and the twin's, estimated without the noise that the mean still has: what is left is bias. Not a
  /// number where the noise is too large for the number of roundings; estimates may exceed 1.
  std::optional<double> expected_to_twin;

  std::optional<Power> activations;  ///< codes against the stream; none for pixels
  Power weights;                     ///< codes against the FP32 master weights
};

struct CheckpointStudy {
  double loss = 0;          ///< mean of the quantized steps
  std::vector<LayerStudy> layers;
};

/// Runs training steps without updates: parameters and states of `network` are afterwards what they were. `twin` is of the
/// same model in FP32, with any parameters, or null. The batches are the first ones of the data's first epoch.
CheckpointStudy study_checkpoint(Network& network, Network* twin, TrainSource& data, const StudyOptions& options);

}  // namespace subbyte
