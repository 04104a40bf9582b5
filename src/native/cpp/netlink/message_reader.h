#pragma once

#include <cstdint>

#include "netlink/bytes.h"

namespace minuteman {

// One netlink message of a datagram.
struct Message {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0;
  Bytes payload;
};

// Walks the messages of one datagram. A message whose length lies ends the walk.
class MessageReader {
 public:
  explicit MessageReader(Bytes datagram) : rest_(datagram) {}
  bool next(Message& message);

 private:
  Bytes rest_;
};

// What an NLMSG_ERROR or NLMSG_DONE message answers: 0 for success, else a positive errno (or a subsystem's own
// number above 4096).
int errorOf(const Message& message);

struct Attribute {
  uint16_t type = 0;  // without the flag bits
  Bytes value;
};

// Walks the attributes of a message or of a nest. An attribute whose length lies ends the walk.
class AttributeReader {
 public:
  explicit AttributeReader(Bytes attributes) : rest_(attributes) {}
  bool next(Attribute& attribute);

 private:
  Bytes rest_;
};

// The value of the first attribute of that type, empty if there is none.
Bytes findAttribute(Bytes attributes, uint16_t type);

// What follows the netfilter header (family, version, resource id) of a message.
Bytes netfilterAttributes(const Message& message);

}  // namespace minuteman
