#include "cli/train_log.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/files.h"

namespace subbyte {
namespace {

constexpr double kBarInterval = 0.1;  // seconds
constexpr int kBarWidth = 24;

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

size_t terminal_width(std::FILE* stream) {
  winsize size{};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string percent(double share) { return fmt::format("{:.2f}%", 100 * share); }

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

TrainLog::TrainLog(std::FILE* stream, std::string path, double log_every, int64_t epochs)
    : stream_(stream),
      path_(std::move(path)),
      log_every_(log_every),
      epochs_(epochs),
      terminal_(isatty(fileno(stream)) == 1),
      last_step_(Clock::now()),
      last_line_(last_step_),
      last_bar_(last_step_) {}

TrainLog::~TrainLog() { erase_bar(); }

void TrainLog::erase_bar() {
  if (!std::exchange(bar_drawn_, false)) return;
  std::fputs("\r\033[K", stream_);
  std::fflush(stream_);
}

void TrainLog::draw(const std::string& text) {
  const std::string shown = text.substr(0, terminal_width(stream_) - 1);
  std::fprintf(stream_, "\r%s\033[K", shown.c_str());
  std::fflush(stream_);
  bar_drawn_ = true;
}

void TrainLog::line(const std::string& text) {
  erase_bar();
  std::fprintf(stream_, "%s\n", text.c_str());
  std::fflush(stream_);
  append_file(path_, text + "\n");
}

std::string TrainLog::step_text(const StepReport& report, bool bar) const {
  const Progress& at = report.progress;
  const double share = double(at.step) / double(report.total_steps);
  std::string text;
  if (bar) {
    const int done = static_cast<int>(share * kBarWidth);
    text = "[" + std::string(done, '#') + std::string(kBarWidth - done, '.') + "] ";
  }
  const double rate = images_per_second();
  const double image_count = double(at.images) / double(at.step_in_epoch) * double(report.total_steps - at.step);
  return text + fmt::format("epoch {}/{} step {}/{}  loss {:.4f}  accuracy {}  {:.0f} images/s  {} left", at.epoch + 1,
                            epochs_, at.step_in_epoch, at.steps_per_epoch, at.loss_sum / double(at.step_in_epoch),
                            percent(double(at.correct) / double(at.images)), rate,
                            rate > 0 ? duration_text(image_count / rate) : "?");
}

void TrainLog::on_step(const StepReport& report) {
  const Clock::time_point now = Clock::now();
  images_ += report.images;
  seconds_ += seconds_between(last_step_, now);
  last_step_ = now;
  if (terminal_ && seconds_between(last_bar_, now) >= kBarInterval) {
    draw(step_text(report, true));
    last_bar_ = now;
  }
  if (seconds_between(last_line_, now) >= log_every_) {
    last_line_ = now;
    if (terminal_) append_file(path_, step_text(report, false) + "\n");
    else line(step_text(report, false));
  }
}

void TrainLog::on_evaluation(const char* part) {
  if (terminal_) draw(fmt::format("measuring the {} part", part));
}

void TrainLog::on_epoch(const EpochMetrics& m) {
  std::string text = fmt::format("epoch {}/{}  step {}  train loss {:.4f}  train accuracy {}", m.epoch, epochs_, m.step,
                                 m.train_loss, percent(m.train_accuracy));
  if (m.val_accuracy) text += "  validation accuracy " + percent(*m.val_accuracy);
  if (m.test_accuracy) text += "  test accuracy " + percent(*m.test_accuracy);
  if (m.images_per_second) text += fmt::format("  {:.0f} images/s", *m.images_per_second);
  line(text + fmt::format("  {}  learning rate {:.3g}", duration_text(m.seconds), m.learning_rate));
  last_step_ = last_line_ = Clock::now();  // evaluation is not training time
}

double TrainLog::images_per_second() const { return seconds_ > 0 ? double(images_) / seconds_ : 0; }

}  // namespace subbyte
