// 64-byte aligned memory that only grows, so that a steady state allocates nothing; or somebody else's memory.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace octavo {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t bytes) { reserve(bytes); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), bytes_(other.bytes_), own_(other.own_) { other.data_ = nullptr, other.bytes_ = 0; }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      data_ = other.data_, bytes_ = other.bytes_, own_ = other.own_;
      other.data_ = nullptr, other.bytes_ = 0;
    }
    return *this;
  }
  ~Buffer() { release(); }

  // Memory of a caller who keeps it for as long as this buffer is used.
  static Buffer over(void* data, size_t bytes) {
    Buffer buffer;
    buffer.data_ = data, buffer.bytes_ = bytes, buffer.own_ = false;
    return buffer;
  }

  // At least this many bytes; the content is lost when it grows. False when there is no memory.
  bool reserve(size_t bytes) {
    if (bytes <= bytes_) return true;
    release();
    const size_t rounded = (bytes + 63) & ~size_t(63);
    if (rounded < bytes) return false;
    data_ = allocate(rounded);
    bytes_ = data_ == nullptr ? 0 : rounded;
    return data_ != nullptr;
  }
  uint8_t* data() const { return static_cast<uint8_t*>(data_); }
  template <class T> T* as() const { return static_cast<T*>(data_); }
  size_t bytes() const { return bytes_; }
  size_t own_bytes() const { return own_ ? bytes_ : 0; }

 private:
  static void* allocate(size_t bytes) {
#ifdef _WIN32
    return _aligned_malloc(bytes, 64);
#else
    // Weights and arenas of megabytes want huge pages: one fault and one TLB entry where 512 small pages take 512.
    constexpr size_t kHugePage = size_t(2) << 20;
    void* data = nullptr;
    if (posix_memalign(&data, bytes < kHugePage ? 64 : kHugePage, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    // Linux gives them only where they are asked for (its usual setting, `madvise`); a refusal costs nothing but speed.
    if (bytes >= kHugePage) (void)madvise(data, bytes & ~(kHugePage - 1), MADV_HUGEPAGE);
#endif
    return data;
#endif
  }
  void release() {
#ifdef _WIN32
    if (own_) _aligned_free(data_);
#else
    if (own_) free(data_);
#endif
    data_ = nullptr, bytes_ = 0, own_ = true;
  }
  void* data_ = nullptr;
  size_t bytes_ = 0;
  bool own_ = true;
};

}  // namespace octavo
