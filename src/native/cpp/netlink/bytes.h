#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace minuteman {

// A view of bytes that came from outside. Every read names its offset and is checked: a read that does
// not lie wholly inside yields zero, and `has` tells beforehand. No read is ever out of bounds, so a
// parser that forgets a check is wrong but never unsafe.
class Bytes {
 public:
  Bytes() = default;
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  size_t size() const { return size_; }
  const uint8_t* data() const { return data_; }
  bool has(size_t offset, size_t count) const { return offset <= size_ && count <= size_ - offset; }

  uint8_t u8(size_t offset) const { return has(offset, 1) ? data_[offset] : 0; }
  // Host order: what netlink headers use.
  uint16_t u16(size_t offset) const { return load<uint16_t>(offset); }
  uint32_t u32(size_t offset) const { return load<uint32_t>(offset); }
  int32_t i32(size_t offset) const { return load<int32_t>(offset); }
  // Network order: what packets and netfilter attributes use.
  uint16_t be16(size_t offset) const {
    return has(offset, 2) ? static_cast<uint16_t>(data_[offset] << 8 | data_[offset + 1]) : 0;
  }
  uint32_t be32(size_t offset) const {
    if (!has(offset, 4)) return 0;
    return static_cast<uint32_t>(data_[offset]) << 24 | static_cast<uint32_t>(data_[offset + 1]) << 16 |
           static_cast<uint32_t>(data_[offset + 2]) << 8 | static_cast<uint32_t>(data_[offset + 3]);
  }

  // The part from `offset`, at most `count` bytes of it.
  Bytes slice(size_t offset, size_t count = SIZE_MAX) const {
    if (offset >= size_) return {};
    const size_t rest = size_ - offset;
    return {data_ + offset, count < rest ? count : rest};
  }

 private:
  template <typename T>
  T load(size_t offset) const {
    T value = 0;
    if (has(offset, sizeof(T))) std::memcpy(&value, data_ + offset, sizeof(T));
    return value;
  }

  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace minuteman
