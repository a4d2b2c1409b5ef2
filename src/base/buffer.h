// Memory for kernels: aligned to a cache line, with slack behind the end so that full-vector reads of a tail are legal.
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>

namespace subbyte {

inline constexpr size_t buffer_alignment = 64;
/// Zeroed memory at that alignment, in huge pages where it is large and the system has them; throws std::bad_alloc.
void* allocate_zeroed(size_t bytes);
void release(void* memory);

template <class T>
class Buffer {
 public:
  static constexpr size_t slack = 256;

  Buffer() = default;
  explicit Buffer(size_t count) { resize(count); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(data_); }

  /// Contents are zero after a growth; kept, with a smaller size(), where the memory is already large enough.
  void resize(size_t count) {
    if (count > capacity_) {
      void* fresh = allocate_zeroed(count * sizeof(T) + slack);
      release(data_);
      data_ = static_cast<T*>(fresh);
      capacity_ = count;
    }
    size_ = count;
  }
  void fill_bytes(int byte) {
    if (data_) std::memset(data_, byte, size_ * sizeof(T));
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace subbyte
