#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "messages/endpoint.h"
#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

// Entries of ours carry this mark in its upper half; the lower half is left to others' rules.
constexpr uint32_t MARK = 0x4d4d0000;
constexpr uint32_t MARK_MASK = 0xffff0000;

// An entry of the connection table, as far as it matters here.
struct ConntrackEntry {
  Endpoint client;       // source of the original tuple
  Endpoint destination;  // destination of the original tuple: the VIP
  Endpoint backend;      // source of the reply tuple
  uint32_t mark = 0;
  uint32_t id = 0;
  uint8_t state = 0;  // TCP_CONNTRACK_*

  bool ours() const { return (mark & MARK_MASK) == MARK; }
};

// Reads an entry out of an answer. False for messages of another kind, other protocols than
// IPv4 TCP, and entries whose tuples are incomplete.
bool parseEntry(const Message& message, ConntrackEntry& entry);

struct MappingRequest {
  Endpoint client;
  Endpoint destination;
  Endpoint backend;
  std::optional<uint32_t> source;
};

void writeCreate(MessageWriter& messages, uint32_t sequence, const MappingRequest& mapping,
                 uint32_t timeoutSeconds);
void writeGet(MessageWriter& messages, uint32_t sequence, Endpoint client, Endpoint destination);
void writeDelete(MessageWriter& messages, uint32_t sequence, Endpoint client, Endpoint destination, uint32_t id);
// Every IPv4 entry with our mark; `unansweredOnly`: of those, the ones that saw no reply yet. Old kernels
// ignore that second condition, so the receiver checks.
void writeDumpOurs(MessageWriter& messages, uint32_t sequence, bool unansweredOnly);
void writeFlushOurs(MessageWriter& messages, uint32_t sequence);

struct TableUsage {
  uint32_t count = 0;
  uint32_t limit = 0;
};
void writeUsage(MessageWriter& messages, uint32_t sequence);
TableUsage parseUsage(const Message& message);

}  // namespace minuteman
