#pragma once

#include <cstdint>

#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

struct Route {
  bool local = false;
  uint32_t outInterface = 0;
  uint32_t source = 0;  // the address the kernel would send from
};

// Asks which way a packet to `destination` goes.
void writeRouteLookup(MessageWriter& messages, uint32_t sequence, uint32_t destination);

// Reads the answer. False for other messages and for routes that lead nowhere (blackhole, unreachable, ...).
bool parseRoute(const Message& message, Route& route);

}  // namespace minuteman
