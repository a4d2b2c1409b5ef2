// The safetensors format (github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header that
// maps names to {dtype, shape, data_offsets} and "__metadata__" to strings, then the data without gaps.
// Files written here also hold a checksum over header and data in "__metadata__", checked on reading where present.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

enum class DType { f32, i32, i64, u8 };
/// "F32", "I32", "I64", "U8".
const char* dtype_name(DType dtype);
int64_t dtype_bytes(DType dtype);

struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;  ///< little-endian, row-major

  /// The elements; throw Error naming the tensor where the type differs.
  std::vector<float> floats() const;
  std::vector<int32_t> ints() const;
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<StoredTensor> tensors;  ///< in the order of their data

  void add(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  void add(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values);
  /// Null where there is none of that name.
  const StoredTensor* find(std::string_view name) const;
};

/// Tensors that stay where they are: writing them takes no memory but the header's. What they show must outlive it.
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};
struct TensorViews {
  std::map<std::string, std::string> metadata;
  std::vector<TensorView> tensors;

  void add(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  void add(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values);
};
TensorViews views_of(const TensorFile& file);

/// The bytes before the data: the header and its length. Throws as encode_safetensors.
std::vector<uint8_t> safetensors_header(const TensorViews& tensors);

/// The bytes depend on the content alone.
/// Throws Error for a name twice, a size that is not the shape's, or invalid UTF-8.
std::vector<uint8_t> encode_safetensors(const TensorFile& file);

/// Throws Error beginning with `path` for anything that is not a complete, undamaged file of the four types.
TensorFile decode_safetensors(std::span<const uint8_t> bytes, const std::string& path);

void write_safetensors(const std::string& path, const TensorFile& file);
void write_safetensors(const std::string& path, const TensorViews& tensors);
TensorFile read_safetensors(const std::string& path);

}  // namespace subbyte
