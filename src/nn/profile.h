// Where a training step's time goes: seconds, multiply-accumulates and bytes by layer and phase. Every thread writes its
// own cells; reading them is for when no step runs.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace subbyte {

enum class Phase {
  input,             ///< pixels to codes
  weights,           ///< weight codes and their packed forms
  forward,           ///< product
  deviation,         ///< mean deviation of a normalization
  normalize,         ///< affine, residual, ReLU
  quantize,          ///< activations to codes
  pool,              ///< pooling, forward and backward
  loss,              ///< softmax and its gradient
  reduce,            ///< gradient sums of a normalization, joined contributions and ReLU mask included
  norm_backward,     ///< gradient through the normalization, its ranges included
  gradient_codes,    ///< random numbers, stochastic rounding
  backward_data,     ///< product
  backward_weights,  ///< product, operand packing included
  update,            ///< optimizer
  count
};
const char* phase_name(Phase phase);

class Profile {
 public:
  struct Cell {
    double seconds = 0;      ///< summed over threads
    int64_t macs = 0, bytes = 0;
  };
  Profile(int threads, int nodes) : nodes_(nodes), cells_(size_t(threads) * nodes * int(Phase::count)) {}
  Cell& at(int thread, int node, Phase phase) { return cells_[(size_t(thread) * nodes_ + node) * int(Phase::count) + int(phase)]; }
  /// Sum over the threads.
  Cell total(int node, Phase phase) const;
  int nodes() const { return nodes_; }

 private:
  int nodes_;
  std::vector<Cell> cells_;
};

/// Adds the time until its end to a cell; does nothing where there is no profile.
class PhaseTimer {
 public:
  PhaseTimer(Profile* profile, int thread, int node, Phase phase)
      : cell_(profile ? &profile->at(thread, node, phase) : nullptr) {
    if (cell_) start_ = Clock::now();
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;
  ~PhaseTimer() { stop(); }
  void stop() {
    if (cell_) cell_->seconds += std::chrono::duration<double>(Clock::now() - start_).count();
    cell_ = nullptr;
  }
  void work(int64_t macs, int64_t bytes) {
    if (cell_) cell_->macs += macs, cell_->bytes += bytes;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Profile::Cell* cell_;
  Clock::time_point start_;
};

}  // namespace subbyte
