#include "data/cifar.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace subbyte {
namespace {

constexpr int kPlane = kCifarSide * kCifarSide;

int checked_label(uint8_t label, int classes, const char* which, size_t record, const std::string& file) {
  if (label >= classes)
    throw Error(fmt::format("{}: record {}: found {} {}, expected 0 to {}", file, record, which, label, classes - 1));
  return label;
}

}  // namespace

void parse_cifar(std::span<const uint8_t> bytes, const std::string& file, Cifar kind, LabelledImages& images) {
  const size_t record = cifar_record(kind);
  if (bytes.empty() || bytes.size() % record != 0)
    throw Error(fmt::format("{}: found {} bytes, expected a whole number of records of {} bytes (CIFAR-{} binary)", file,
                            bytes.size(), record, cifar_classes(kind)));
  images.height = images.width = kCifarSide;
  images.channels = 3;
  const size_t count = bytes.size() / record;
  images.labels.reserve(images.labels.size() + count);
  const size_t begin = images.pixels.size();
  images.pixels.resize(begin + count * 3 * kPlane);
  uint8_t* out = images.pixels.data() + begin;
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* in = bytes.data() + r * record;
    if (kind == Cifar::hundred) checked_label(*in++, 20, "coarse label", r, file);
    images.labels.push_back(checked_label(*in++, cifar_classes(kind), "label", r, file));
    for (int p = 0; p < kPlane; ++p)
      for (int c = 0; c < 3; ++c) *out++ = in[c * kPlane + p];
  }
}

std::vector<std::string> parse_cifar_names(std::string_view text, const std::string& file, Cifar kind) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    names.emplace_back(line);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  const bool blank = std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.empty(); });
  if (blank || int(names.size()) != cifar_classes(kind))
    throw Error(fmt::format("{}: found {} lines{}, expected {} class names", file, names.size(),
                            blank ? ", some blank" : "", cifar_classes(kind)));
  return names;
}

}  // namespace subbyte
