// Bytes <-> TensorFile. Decoding trusts nothing: it is fuzzed (safetensors_fuzz.cc).
#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/safetensors.h"

namespace subbyte {
namespace {

using nlohmann::ordered_json;

constexpr char kMetadata[] = "__metadata__";
constexpr char kChecksum[] = "fnv1a64";
constexpr uint64_t kMaxHeader = 100'000'000;  // as the reference implementation
const std::string kUnset(16, '0');            // stands for the checksum while it is computed

std::span<const uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Where the checksum's 16 digits stand in the header, or npos.
size_t checksum_position(const std::string& header, const std::string& digits) {
  const std::string key = std::string("\"") + kChecksum + "\":\"";
  const size_t at = header.find(key + digits + "\"");
  return at == std::string::npos ? at : at + key.size();
}

/// Elements of a shape; false where the bytes do not fit in 63 bits.
bool shape_bytes(const std::vector<int64_t>& shape, DType dtype, int64_t& bytes) {
  bytes = dtype_bytes(dtype);
  for (int64_t extent : shape)
    if (extent < 0 || (extent != 0 && bytes > std::numeric_limits<int64_t>::max() / extent)) {
      return false;
    } else {
      bytes *= extent;
    }
  return true;
}

class Decoder {
 public:
  Decoder(std::span<const uint8_t> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  TensorFile decode() {
    read_header();
    read_metadata();
    for (const auto& [name, entry] : header_.items())
      if (name != kMetadata) read_entry(name, entry);
    read_data();
    check_checksum();
    return std::move(file_);
  }

 private:
  struct Range {
    uint64_t begin, end;
  };

  [[noreturn]] void fail(const std::string& message) const { throw Error(path_ + ": " + message); }

  void read_header() {
    if (bytes_.size() < 8)
      fail("not a safetensors file: found " + std::to_string(bytes_.size()) + " bytes, expected at least 8");
    uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | bytes_[i];
    if (length > kMaxHeader || length > bytes_.size() - 8)
      fail("header: found a length of " + std::to_string(length) + " bytes, expected at most " +
           std::to_string(std::min<uint64_t>(kMaxHeader, bytes_.size() - 8)));
    text_.assign(bytes_.begin() + 8, bytes_.begin() + 8 + static_cast<std::ptrdiff_t>(length));
    data_ = bytes_.subspan(8 + length);
    header_ = ordered_json::parse(text_, nullptr, false);
    if (header_.is_discarded()) fail("header: not valid JSON");
    if (!header_.is_object()) fail("header: expected a JSON object");
  }

  void read_metadata() {
    const auto found = header_.find(kMetadata);
    if (found == header_.end()) return;
    if (!found->is_object()) fail("header: __metadata__ must be an object of strings");
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) fail("header: __metadata__ '" + key + "' must be a string");
      file_.metadata[key] = value.get<std::string>();
    }
  }

  DType read_dtype(const std::string& where, const ordered_json& entry) const {
    const auto found = entry.find("dtype");
    if (found == entry.end() || !found->is_string()) fail(where + "dtype is missing");
    const std::string text = found->get<std::string>();
    for (DType dtype : {DType::f32, DType::i32, DType::i64, DType::u8})
      if (text == dtype_name(dtype)) return dtype;
    fail(where + "found dtype '" + text + "', expected F32, I32, I64 or U8");
  }

  std::vector<int64_t> read_numbers(const std::string& where, const ordered_json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_array()) fail(where + key + " is missing");
    std::vector<int64_t> numbers;
    for (const auto& value : *found) {
      if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
        fail(where + key + " must hold numbers from 0 to 2^63 - 1");
      numbers.push_back(static_cast<int64_t>(value.get<uint64_t>()));
    }
    return numbers;
  }

  void read_entry(const std::string& name, const ordered_json& entry) {
    const std::string where = "tensor '" + name + "': ";
    if (!entry.is_object()) fail(where + "expected a JSON object");
    StoredTensor tensor{name, read_dtype(where, entry), read_numbers(where, entry, "shape"), {}};
    const std::vector<int64_t> offsets = read_numbers(where, entry, "data_offsets");
    if (offsets.size() != 2) fail(where + "data_offsets must hold two numbers");
    int64_t bytes = 0;
    if (!shape_bytes(tensor.shape, tensor.dtype, bytes)) fail(where + "the shape is too large");
    if (offsets[0] > offsets[1] || uint64_t(offsets[1]) > data_.size())
      fail(where + "found data_offsets " + std::to_string(offsets[0]) + " to " + std::to_string(offsets[1]) +
           ", expected a part of the file's " + std::to_string(data_.size()) + " bytes of data (is it truncated?)");
    if (offsets[1] - offsets[0] != bytes)
      fail(where + "found " + std::to_string(offsets[1] - offsets[0]) + " bytes, expected " + std::to_string(bytes) +
           " of its shape");
    file_.tensors.push_back(std::move(tensor));
    ranges_.push_back({uint64_t(offsets[0]), uint64_t(offsets[1])});
  }

  /// Copies the data in the order of the offsets, which must leave no gap and no overlap.
  void read_data() {
    std::vector<size_t> order(ranges_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
      return std::pair(ranges_[a].begin, ranges_[a].end) < std::pair(ranges_[b].begin, ranges_[b].end);
    });
    std::vector<StoredTensor> sorted;
    uint64_t end = 0;
    for (size_t i : order) {
      StoredTensor& tensor = file_.tensors[i];
      if (ranges_[i].begin != end)
        fail("tensor '" + tensor.name + "': found data at byte " + std::to_string(ranges_[i].begin) + ", expected " +
             std::to_string(end));
      const auto part = data_.subspan(ranges_[i].begin, ranges_[i].end - ranges_[i].begin);
      tensor.bytes.assign(part.begin(), part.end());
      end = ranges_[i].end;
      sorted.push_back(std::move(tensor));
    }
    file_.tensors = std::move(sorted);
    if (end != data_.size())
      fail("found " + std::to_string(data_.size()) + " bytes of data, expected " + std::to_string(end));
  }

  void check_checksum() {
    const auto found = file_.metadata.find(kChecksum);
    if (found == file_.metadata.end()) return;
    const std::string digits = found->second;
    const size_t at = digits.size() == kUnset.size() ? checksum_position(text_, digits) : std::string::npos;
    if (at == std::string::npos) fail("header: the checksum must be 16 hexadecimal digits");
    text_.replace(at, kUnset.size(), kUnset);
    const std::string actual = hex64(fnv1a64(data_, fnv1a64(as_bytes(text_))));
    if (actual != digits) fail("damaged: found checksum " + actual + ", expected " + digits);
    file_.metadata.erase(found);
  }

  std::span<const uint8_t> bytes_, data_;
  const std::string& path_;
  std::string text_;
  ordered_json header_;
  TensorFile file_;
  std::vector<Range> ranges_;
};

std::string header_text(const TensorViews& file) {
  ordered_json header;
  header[kMetadata] = file.metadata;
  header[kMetadata][kChecksum] = kUnset;
  int64_t begin = 0;
  for (const TensorView& tensor : file.tensors) {
    int64_t bytes = 0;
    if (!shape_bytes(tensor.shape, tensor.dtype, bytes) || bytes != int64_t(tensor.bytes.size()))
      throw Error("tensor '" + tensor.name + "': found " + std::to_string(tensor.bytes.size()) + " bytes, expected " +
                  std::to_string(bytes) + " of its shape");
    if (header.contains(tensor.name)) throw Error("tensor '" + tensor.name + "': found twice");
    header[tensor.name] = {{"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}};
    header[tensor.name]["data_offsets"] = {begin, begin + bytes};
    begin += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("safetensors: names and metadata must be UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // keeps the data aligned for readers that map the file
  return text;
}

}  // namespace

std::vector<uint8_t> safetensors_header(const TensorViews& file) {
  std::string header = header_text(file);
  uint64_t hash = fnv1a64(as_bytes(header));
  for (const TensorView& tensor : file.tensors) hash = fnv1a64(tensor.bytes, hash);
  header.replace(checksum_position(header, kUnset), kUnset.size(), hex64(hash));

  std::vector<uint8_t> bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(uint64_t(header.size()) >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  return bytes;
}

std::vector<uint8_t> encode_safetensors(const TensorFile& file) {
  std::vector<uint8_t> bytes = safetensors_header(views_of(file));
  for (const StoredTensor& tensor : file.tensors) bytes.insert(bytes.end(), tensor.bytes.begin(), tensor.bytes.end());
  return bytes;
}

TensorFile decode_safetensors(std::span<const uint8_t> bytes, const std::string& path) {
  return Decoder(bytes, path).decode();
}

}  // namespace subbyte
