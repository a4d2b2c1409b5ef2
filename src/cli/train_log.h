// What a training run tells: a progress bar on a terminal, plain lines elsewhere, and plain lines in log.txt always.
#pragma once
#include <chrono>
#include <cstdio>
#include <string>

#include "train/trainer.h"

namespace subbyte {

class TrainLog {
 public:
  /// `stream` gets the bar or the lines; `path` (log.txt) the lines, one every `log_every` seconds at most.
  TrainLog(std::FILE* stream, std::string path, double log_every, int64_t epochs);
  ~TrainLog();

  void line(const std::string& text);
  void on_step(const StepReport& report);
  void on_evaluation(const char* part);
  void on_epoch(const EpochMetrics& metrics);

  /// Mean of training alone over this process, or 0.
  double images_per_second() const;

 private:
  using Clock = std::chrono::steady_clock;

  void draw(const std::string& text);
  void erase_bar();
  std::string step_text(const StepReport& report, bool bar) const;

  std::FILE* stream_;
  std::string path_;
  double log_every_;
  int64_t epochs_;
  bool terminal_, bar_drawn_ = false;
  Clock::time_point last_step_, last_line_, last_bar_;
  int64_t images_ = 0;
  double seconds_ = 0;  ///< in training steps
};

/// "1:02:03" or "2:03".
std::string duration_text(double seconds);

}  // namespace subbyte
