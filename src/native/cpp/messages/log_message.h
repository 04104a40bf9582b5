#pragma once

#include <cstdint>

#include "netlink/bytes.h"
#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

// A packet that a rule had logged (NFLOG), as its message says.
struct LoggedPacket {
  Bytes payload;      // from the IP header on, cut off at the rule's size or the copy range
  double wallMs = 0;  // when it reached the host, in milliseconds since 1970; 0: not told
};

// False for any message that is no logged packet.
bool parseLoggedPacket(const Message& message, LoggedPacket& packet);

// Binds the log group and has the head of each packet sent, each at once.
// Answers that the kernel puts into one datagram at most.
constexpr uint32_t LOG_THRESHOLD = 8;

void writeLogBind(MessageWriter& messages, uint32_t sequence, uint16_t group, uint32_t copyRange);

}  // namespace minuteman
