// One input: a byte that says which parser, then what it is to read. Under the sanitizers any read out of
// bounds ends the run; what is asserted besides is that views stay inside the input, that a batch of verdicts
// keeps exactly the packets it should, and that what the writer writes the reader reads.

#include <cstdint>
#include <cstdlib>
#include <map>

#include "flow_memory.h"
#include "held_packets.h"
#include "messages/conntrack_message.h"
#include "messages/firewall_message.h"
#include "messages/log_message.h"
#include "messages/queue_message.h"
#include "messages/route_message.h"
#include "messages/tcp_packet.h"
#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

using namespace minuteman;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool inside(Bytes part, Bytes whole) {
  return part.size() == 0 ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void readPacket(Bytes packet) {
  const auto tcp = parseTcp(packet);
  if (!tcp) return;
  require(packet.size() >= 40);
  require(tcp->opens() + tcp->accepts() + tcp->refuses() <= 1);
  const Endpoint again = Endpoint::of(tcp->source.number());
  require(again.address == tcp->source.address && again.port == tcp->source.port);
}

void readDatagram(Bytes datagram) {
  MessageReader reader(datagram);
  Message message;
  size_t messages = 0;
  while (reader.next(message)) {
    require(inside(message.payload, datagram) && ++messages <= datagram.size() / 16);
    require(errorOf(message) >= 0);
    QueuedPacket packet;
    if (parseQueuedPacket(message, packet)) {
      require(inside(packet.payload, datagram));
      readPacket(packet.payload);
    }
    LoggedPacket logged;
    if (parseLoggedPacket(message, logged)) {
      require(inside(logged.payload, datagram) && logged.wallMs >= 0);
      readPacket(logged.payload);
    }
    ConntrackEntry entry;
    parseEntry(message, entry);
    Route route;
    parseRoute(message, route);
    parseUsage(message);
    parseGeneration(message);
    parseSetSize(message);
    AttributeReader attributes(netfilterAttributes(message));
    Attribute attribute;
    while (attributes.next(attribute)) require(inside(attribute.value, datagram));
  }
}

// Bytes as edits: packets come and go; a map is the model.
void holdPackets(Bytes edits) {
  HeldPackets held;
  std::map<uint32_t, uint32_t> model;  // by order of arrival
  const uint32_t base = edits.be32(0);
  uint32_t next = 0;
  for (size_t i = 4; i < edits.size(); i += 1) {
    const uint8_t edit = edits.u8(i);
    if (edit < 128) {
      next += 1 + edit % 3;
      held.add({base + next, 0, {}, {}, 0});
      model[next] = base + next;
      continue;
    }
    const uint32_t wanted = next - std::min<uint32_t>(next, edit % 64);
    const bool was = model.count(wanted) > 0;
    require(held.remove(base + wanted) == was);
    if (was && edit % 5 == 0) {
      held.restore(base + wanted);
    } else {
      model.erase(wanted);
    }
  }
  require(held.size() == model.size());
  if (!held.empty()) require(held.oldest().id == model.begin()->second);
  auto expected = model.begin();
  held.forEach([&](const HeldPacket& packet) { require(packet.id == (expected++)->second); });
}

// Bytes as flows that are remembered and answers that come; a map is the model. The memory may forget, but what it
// says must be so.
void rememberFlows(Bytes edits) {
  static FlowMemory memory;
  std::map<std::pair<double, double>, std::pair<double, double>> model;
  const auto small = [](uint8_t value) { return Endpoint{0x0a000000U | value, value}; };
  for (size_t i = 0; i + 1 < edits.size(); i += 2) {
    const uint8_t who = edits.u8(i), what = edits.u8(i + 1);
    const Endpoint backend = small(static_cast<uint8_t>(1 + who % 16)), client = small(who / 16);
    const std::pair key(backend.number(), client.number());
    const std::pair value(client.number(), small(what % 4).number());
    if (what < 128) {
      memory.remember(backend, {client, small(what % 4)});
      model.insert_or_assign(key, value);
      continue;
    }
    const auto flow = memory.take(backend, client);
    const auto known = model.find(key);
    if (flow) require(known != model.end() && known->second == std::pair(flow->client.number(), flow->destination.number()));
    if (known != model.end()) model.erase(known);
  }
  for (const auto& entry : model) memory.take(Endpoint::of(entry.first.first), Endpoint::of(entry.first.second));
}

// A request for an entry, read back as if it were the entry.
void writeAndRead(Bytes values) {
  MappingRequest mapping{{values.be32(0), values.be16(4)}, {values.be32(6), values.be16(10)}, {}, std::nullopt};
  mapping.backend = {values.be32(12), values.be16(16)};
  if (values.u8(18) % 2 == 1) mapping.source = values.be32(19);
  MessageWriter writer;
  writeCreate(writer, 7, mapping, 10);
  writeDelete(writer, 8, mapping.client, mapping.destination, 9);
  MessageReader reader(Bytes(writer.data(), writer.size()));
  Message message;
  require(reader.next(message) && message.sequence == 7);
  ConntrackEntry entry;
  require(parseEntry(message, entry) && entry.ours() && entry.state == 1);
  require(entry.client.number() == mapping.client.number());
  require(entry.destination.number() == mapping.destination.number());
  require(reader.next(message) && message.sequence == 8 && !reader.next(message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes input(data, size);
  const Bytes rest = input.slice(1);
  switch (input.u8(0) % 5) {
    case 0:
      readPacket(rest);
      break;
    case 1:
      readDatagram(rest);
      break;
    case 2:
      holdPackets(rest);
      break;
    case 3:
      rememberFlows(rest);
      break;
    default:
      writeAndRead(rest);
      break;
  }
  return 0;
}
