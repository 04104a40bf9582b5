#include "seeds.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "messages/conntrack_message.h"
#include "messages/queue_message.h"
#include "netlink/message_writer.h"

using namespace minuteman;

namespace {

using Input = std::vector<uint8_t>;

enum Kind : uint8_t { PACKET = 0, DATAGRAM = 1, HELD = 2, FLOWS = 3, WRITTEN = 4 };

Input of(Kind kind, const uint8_t* data, size_t size) {
  Input input{kind};
  input.insert(input.end(), data, data + size);
  return input;
}

Input of(const MessageWriter& messages) { return of(DATAGRAM, messages.data(), messages.size()); }

Input synPacket() {
  Input packet = {0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 99, 0, 1, 10, 1, 2, 3};
  const Input tcp = {0x9c, 0x41, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0,
                     2,    4,    5,    0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0,    0,    0,    0,    1, 3, 3, 7};
  packet.insert(packet.end(), tcp.begin(), tcp.end());
  return packet;
}

Input withIpOptions(Input packet) {
  packet[0] = 0x47;
  packet[3] = 68;
  packet.insert(packet.begin() + 20, {1, 1, 1, 1, 7, 3, 4, 0});
  return packet;
}

Input queuedPacket(const Input& packet) {
  MessageWriter messages;
  messages.beginNetfilter(NFNL_SUBSYS_QUEUE, NFQNL_MSG_PACKET, 0, 0, AF_INET, 50);
  const uint8_t header[] = {0, 0, 0, 1, 8, 0, 3};
  messages.put(NFQA_PACKET_HDR, header, sizeof(header));
  messages.putBe32(NFQA_IFINDEX_INDEV, 3);
  messages.put(NFQA_PAYLOAD, packet.data(), packet.size());
  messages.end();
  return of(messages);
}

Input loggedPacket(Input packet, uint8_t flags) {
  packet[33] = flags;
  MessageWriter messages;
  messages.beginNetfilter(NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET, 0, 0, AF_INET, 50);
  const uint8_t header[] = {8, 0, 0, 0};
  messages.put(NFULA_PACKET_HDR, header, sizeof(header));
  const uint8_t stamp[] = {0, 0, 0, 0, 0x6b, 0x49, 0xd2, 0, 0, 0, 0, 0, 0, 1, 2, 3};
  messages.put(NFULA_TIMESTAMP, stamp, sizeof(stamp));
  messages.put(NFULA_PAYLOAD, packet.data(), packet.size());
  messages.end();
  return of(messages);
}

// An entry, which is a request to create it but for its state and two more attributes.
Input conntrackEntry(uint8_t type, uint8_t state, uint32_t status) {
  MessageWriter request, messages;
  writeCreate(request, 0, {{0x0a630001, 40000}, {0x0a010203, 5000}, {0x0a630002, 80}, 0x0a630003}, 10);
  messages.beginNetfilter(NFNL_SUBSYS_CTNETLINK, type, 0, 0, AF_INET);
  MessageReader reader(Bytes(request.data(), request.size()));
  Message created;
  reader.next(created);
  AttributeReader attributes(netfilterAttributes(created));
  Attribute attribute;
  while (attributes.next(attribute)) {
    if (attribute.type == CTA_PROTOINFO) continue;
    messages.put(attribute.type, attribute.value.data(), attribute.value.size());
  }
  const size_t protocol = messages.openNest(CTA_PROTOINFO);
  const size_t tcp = messages.openNest(CTA_PROTOINFO_TCP);
  messages.putU8(CTA_PROTOINFO_TCP_STATE, state);
  messages.closeNest(tcp);
  messages.closeNest(protocol);
  messages.putBe32(CTA_STATUS, status);
  messages.putBe32(CTA_ID, 77);
  messages.end();
  return of(messages);
}

Input errorMessage(int32_t error) {
  MessageWriter messages;
  messages.begin(NLMSG_ERROR, 0, 5, &error, sizeof(error));
  messages.end();
  return of(messages);
}

Input routeMessage() {
  MessageWriter messages;
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_type = RTN_UNICAST;
  messages.begin(RTM_NEWROUTE, 0, 1, &header, sizeof(header));
  const uint32_t interface = 2;
  messages.put(RTA_OIF, &interface, sizeof(interface));
  messages.putBe32(RTA_PREFSRC, 0x0a630001);
  messages.end();
  return of(messages);
}

Input firewallMessages() {
  MessageWriter messages;
  messages.beginNetfilter(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, 0, 1, AF_UNSPEC);
  messages.putBe32(NFTA_GEN_ID, 12);
  messages.end();
  messages.beginNetfilter(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, 0, 2, AF_INET);
  const size_t data = messages.openNest(IPSET_ATTR_DATA);
  messages.putBe32(IPSET_ATTR_ELEMENTS, 10000);
  messages.closeNest(data);
  messages.end();
  return of(messages);
}

}  // namespace

std::vector<Input> fuzzSeeds() {
  const Input packet = synPacket();
  const Input edits = {0xff, 0xff, 0xff, 0xf0, 1, 1, 1, 1, 1, 200, 1, 1, 128, 130, 1, 1, 1, 255, 1, 1};
  return {of(PACKET, packet.data(), packet.size()),
          of(PACKET, withIpOptions(packet).data(), packet.size() + 8),
          queuedPacket(packet),
          loggedPacket(packet, 0x12),
          loggedPacket(packet, 0x14),
          conntrackEntry(IPCTNL_MSG_CT_NEW, 2, 0x0e),
          conntrackEntry(IPCTNL_MSG_CT_DELETE, 8, 0x0c),
          errorMessage(-17),
          errorMessage(-4097),
          routeMessage(),
          firewallMessages(),
          of(FLOWS, edits.data(), edits.size()),
          of(HELD, edits.data(), edits.size()),
          of(WRITTEN, packet.data(), packet.size())};
}
