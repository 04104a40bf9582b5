#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace minuteman {

// Builds netlink messages one behind the other, to be sent in one system call. The memory is kept between
// batches, so that after the first batch nothing is allocated.
class MessageWriter {
 public:
  void clear();
  bool empty() const { return buffer_.empty(); }
  size_t messages() const { return messages_; }
  const uint8_t* data() const { return buffer_.data(); }
  size_t size() const { return buffer_.size(); }

  // `header` is the fixed part behind the netlink header (nfgenmsg, rtmsg).
  void begin(uint16_t type, uint16_t flags, uint32_t sequence, const void* header, size_t headerSize);
  void beginNetfilter(uint8_t subsystem, uint8_t type, uint16_t flags, uint32_t sequence, uint8_t family,
                      uint16_t resource = 0);
  void end();

  void put(uint16_t type, const void* value, size_t size);
  void putU8(uint16_t type, uint8_t value);
  void putBe16(uint16_t type, uint16_t value);
  void putBe32(uint16_t type, uint32_t value);
  void putString(uint16_t type, const char* text);

  // Nests close in the reverse order; `closeNest` takes what `openNest` gave.
  size_t openNest(uint16_t type);
  void closeNest(size_t start);

 private:
  void append(const void* bytes, size_t size);
  void align();

  std::vector<uint8_t> buffer_;
  size_t start_ = 0;
  size_t messages_ = 0;
};

}  // namespace minuteman
