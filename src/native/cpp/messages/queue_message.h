#pragma once

#include <cstdint>

#include "netlink/bytes.h"
#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

// A packet that the kernel holds for user space, as its message says.
struct QueuedPacket {
  uint32_t id = 0;
  uint32_t inInterface = 0;  // 0: it was made on this host
  Bytes payload;             // from the IP header on, cut off at the copy range
};

// False for any message that is no packet of a queue, or has no packet id: it then needs no verdict.
bool parseQueuedPacket(const Message& message, QueuedPacket& packet);

struct QueueSettings {
  uint16_t number;
  uint32_t copyRange;
  uint32_t maxLength;
};

// Binds the queue and sets it up, in one message: copy the head of each packet, and let packets pass when
// the queue is full.
void writeBind(MessageWriter& messages, uint32_t sequence, const QueueSettings& settings);

// `verdict` is NF_ACCEPT or NF_DROP.
void writeVerdict(MessageWriter& messages, uint16_t queue, uint32_t id, uint32_t verdict);
// The same verdict for every held packet up to and including `lastId`.
void writeVerdictUpTo(MessageWriter& messages, uint16_t queue, uint32_t lastId, uint32_t verdict);

}  // namespace minuteman
