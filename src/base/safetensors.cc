#include "base/safetensors.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and copied as it is");

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "F32";
    case DType::i32: return "I32";
    case DType::i64: return "I64";
    case DType::u8: return "U8";
  }
  return "?";
}

int64_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::i64: return 8;
    case DType::u8: return 1;
    default: return 4;
  }
}

namespace {

template <class T>
std::vector<T> elements(const StoredTensor& tensor, DType expected) {
  if (tensor.dtype != expected)
    throw Error("tensor '" + tensor.name + "': found dtype " + dtype_name(tensor.dtype) + ", expected " +
                dtype_name(expected));
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class T>
std::span<const uint8_t> bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

template <class T>
StoredTensor stored(std::string name, DType dtype, std::vector<int64_t> shape, std::span<const T> values) {
  StoredTensor tensor{std::move(name), dtype, std::move(shape), std::vector<uint8_t>(values.size_bytes())};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

}  // namespace

std::vector<float> StoredTensor::floats() const { return elements<float>(*this, DType::f32); }
std::vector<int32_t> StoredTensor::ints() const { return elements<int32_t>(*this, DType::i32); }

void TensorFile::add(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  tensors.push_back(stored(std::move(name), DType::f32, std::move(shape), values));
}

void TensorFile::add(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values) {
  tensors.push_back(stored(std::move(name), DType::i32, std::move(shape), values));
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  for (const StoredTensor& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

void TensorViews::add(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  tensors.push_back({std::move(name), DType::f32, std::move(shape), bytes_of(values)});
}

void TensorViews::add(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values) {
  tensors.push_back({std::move(name), DType::i32, std::move(shape), bytes_of(values)});
}

TensorViews views_of(const TensorFile& file) {
  TensorViews views{file.metadata, {}};
  for (const StoredTensor& tensor : file.tensors) views.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.bytes});
  return views;
}

void write_safetensors(const std::string& path, const TensorViews& tensors) {
  const std::vector<uint8_t> header = safetensors_header(tensors);
  std::vector<std::span<const uint8_t>> pieces = {header};
  for (const TensorView& tensor : tensors.tensors) pieces.push_back(tensor.bytes);
  write_file(path, pieces);
}

void write_safetensors(const std::string& path, const TensorFile& file) { write_safetensors(path, views_of(file)); }

TensorFile read_safetensors(const std::string& path) { return decode_safetensors(read_file(path), path); }

}  // namespace subbyte
