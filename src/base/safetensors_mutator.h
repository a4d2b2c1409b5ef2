// Mutation of safetensors files for fuzz targets: header and data separately, after which length and checksum are right
// again, most of the time.
#pragma once
#include <string>

#include "base/checksum.h"
#include "base/fuzz_input.h"

namespace subbyte::fuzz {

inline Bytes join_safetensors(std::string header, const Bytes& data) {
  const std::string key = "\"fnv1a64\":\"";
  const size_t at = header.find(key) == std::string::npos ? header.size() : header.find(key) + key.size();
  if (at + 16 <= header.size()) {
    header.replace(at, 16, 16, '0');
    const auto* text = reinterpret_cast<const uint8_t*>(header.data());
    header.replace(at, 16, hex64(fnv1a64(data, fnv1a64({text, header.size()}))));
  }
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(uint8_t(uint64_t(header.size()) >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

inline size_t mutate_safetensors(uint8_t* data, size_t size, size_t max_size, unsigned seed,
                                 const std::function<Bytes(Dice&)>& example) {
  Dice dice(seed);
  size_t header = 0;
  for (size_t i = std::min<size_t>(size, 8); i-- > 0;) header = header << 8 | data[i];
  if (size < 10 || header > size - 8 || dice.roll(10) == 0)
    return mutate_or_replace(data, size, max_size, dice.roll(1u << 30), example);
  Bytes text(data + 8, data + 8 + header), content(data + 8 + header, data + size);
  const size_t room = max_size - std::min(max_size, size);
  if (dice.roll(5) == 0) content = mutated(content, content.size() + room);
  else text = mutated(text, text.size() + room);
  store(join_safetensors(std::string(text.begin(), text.end()), content), data, size, max_size);
  return size;
}

}  // namespace subbyte::fuzz
