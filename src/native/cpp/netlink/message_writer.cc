#include "netlink/message_writer.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstring>

namespace minuteman {

void MessageWriter::clear() {
  buffer_.clear();
  messages_ = 0;
}

void MessageWriter::append(const void* bytes, size_t size) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  buffer_.insert(buffer_.end(), from, from + size);
}

void MessageWriter::align() { buffer_.resize(NLMSG_ALIGN(buffer_.size())); }

void MessageWriter::begin(uint16_t type, uint16_t flags, uint32_t sequence, const void* header,
                          size_t headerSize) {
  start_ = buffer_.size();
  nlmsghdr message{};
  message.nlmsg_type = type;
  message.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  message.nlmsg_seq = sequence;
  append(&message, sizeof(message));
  append(header, headerSize);
  align();
}

void MessageWriter::beginNetfilter(uint8_t subsystem, uint8_t type, uint16_t flags, uint32_t sequence,
                                   uint8_t family, uint16_t resource) {
  nfgenmsg header{};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  header.res_id = htons(resource);
  begin(static_cast<uint16_t>(subsystem << 8 | type), flags, sequence, &header, sizeof(header));
}

void MessageWriter::end() {
  const auto length = static_cast<uint32_t>(buffer_.size() - start_);
  std::memcpy(buffer_.data() + start_, &length, sizeof(length));
  messages_ += 1;
}

void MessageWriter::put(uint16_t type, const void* value, size_t size) {
  const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + size), type};
  append(&header, sizeof(header));
  append(value, size);
  align();
}

void MessageWriter::putU8(uint16_t type, uint8_t value) { put(type, &value, sizeof(value)); }

void MessageWriter::putBe16(uint16_t type, uint16_t value) {
  const uint16_t wire = htons(value);
  put(type, &wire, sizeof(wire));
}

void MessageWriter::putBe32(uint16_t type, uint32_t value) {
  const uint32_t wire = htonl(value);
  put(type, &wire, sizeof(wire));
}

void MessageWriter::putString(uint16_t type, const char* text) { put(type, text, std::strlen(text) + 1); }

size_t MessageWriter::openNest(uint16_t type) {
  const size_t start = buffer_.size();
  put(static_cast<uint16_t>(type | NLA_F_NESTED), nullptr, 0);
  return start;
}

void MessageWriter::closeNest(size_t start) {
  const auto length = static_cast<uint16_t>(buffer_.size() - start);
  std::memcpy(buffer_.data() + start, &length, sizeof(length));
}

}  // namespace minuteman
