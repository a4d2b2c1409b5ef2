// Memory for kernels: aligned to a cache line, with slack behind the end so that full-vector reads of a tail are legal.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace subbyte {

inline constexpr size_t buffer_alignment = 64;
/// Zeroed memory at that alignment, in huge pages where it is large and the system has them; throws std::bad_alloc.
void* allocate_zeroed(size_t bytes);
/// `bytes` as they were allocated; null is fine.
void release(void* memory, size_t bytes);

/// What allocate_zeroed gave out and has not back, of the whole process; the most of it so far.
struct BufferBytes {
  int64_t current = 0, peak = 0;
};
BufferBytes buffer_bytes();
/// The peak becomes what is held now.
void reset_buffer_peak();

template <class T>
class Buffer {
 public:
  static constexpr size_t slack = 256;

  Buffer() = default;
  explicit Buffer(size_t count) { resize(count); }
  /// Memory of another owner, who learns by the end of `lender` that it is free again; it has slack too.
  Buffer(T* lent, size_t count, std::shared_ptr<void> lender)
      : data_(lent), size_(count), capacity_(count), lender_(std::move(lender)) {}
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { clear(); }

  /// Contents are zero after a growth; kept, with a smaller size(), where the memory is already large enough.
  void resize(size_t count) {
    if (count > capacity_) {
      clear();  // first: old and new are never there together
      data_ = static_cast<T*>(allocate_zeroed(bytes_of(count)));
      capacity_ = count;
    }
    size_ = count;
  }
  /// Later sizes up to `count` need no growth; false where they needed none anyway. Contents are lost by a growth.
  bool reserve(size_t count) {
    if (count <= capacity_) return false;
    resize(count);
    return true;
  }
  /// Gives the memory back.
  void clear() {
    if (lender_) lender_.reset();
    else release(data_, bytes_of(capacity_));
    data_ = nullptr;
    size_ = capacity_ = 0;
  }
  /// What a buffer of `count` elements takes.
  static constexpr size_t bytes_of(size_t count) { return count * sizeof(T) + slack; }
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
    std::swap(lender_, other.lender_);
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  std::shared_ptr<void> lender_;  // null: the memory is this buffer's own
};

}  // namespace subbyte
