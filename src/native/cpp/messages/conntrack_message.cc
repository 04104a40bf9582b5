#include "messages/conntrack_message.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

namespace minuteman {

namespace {

constexpr uint16_t TYPE_NEW = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;

struct Tuple {
  Endpoint source;
  Endpoint destination;
  uint8_t protocol = 0;
};

bool parseTuple(Bytes attribute, Tuple& tuple) {
  const Bytes addresses = findAttribute(attribute, CTA_TUPLE_IP);
  const Bytes source = findAttribute(addresses, CTA_IP_V4_SRC);
  const Bytes destination = findAttribute(addresses, CTA_IP_V4_DST);
  const Bytes protocol = findAttribute(attribute, CTA_TUPLE_PROTO);
  if (source.size() != 4 || destination.size() != 4 || protocol.size() == 0) return false;
  tuple.source = {source.be32(0), findAttribute(protocol, CTA_PROTO_SRC_PORT).be16(0)};
  tuple.destination = {destination.be32(0), findAttribute(protocol, CTA_PROTO_DST_PORT).be16(0)};
  tuple.protocol = findAttribute(protocol, CTA_PROTO_NUM).u8(0);
  return true;
}

void writeTuple(MessageWriter& messages, uint16_t type, Endpoint source, Endpoint destination) {
  const size_t tuple = messages.openNest(type);
  const size_t addresses = messages.openNest(CTA_TUPLE_IP);
  messages.putBe32(CTA_IP_V4_SRC, source.address);
  messages.putBe32(CTA_IP_V4_DST, destination.address);
  messages.closeNest(addresses);
  const size_t protocol = messages.openNest(CTA_TUPLE_PROTO);
  messages.putU8(CTA_PROTO_NUM, IPPROTO_TCP);
  messages.putBe16(CTA_PROTO_SRC_PORT, source.port);
  messages.putBe16(CTA_PROTO_DST_PORT, destination.port);
  messages.closeNest(protocol);
  messages.closeNest(tuple);
}

void begin(MessageWriter& messages, uint8_t type, uint16_t flags, uint32_t sequence) {
  messages.beginNetfilter(NFNL_SUBSYS_CTNETLINK, type, flags, sequence, AF_INET);
}

}  // namespace

bool parseEntry(const Message& message, ConntrackEntry& entry) {
  if (message.type != TYPE_NEW) return false;
  entry = {};
  Tuple original, reply;
  bool hasOriginal = false, hasReply = false;
  AttributeReader attributes(netfilterAttributes(message));
  Attribute attribute;
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case CTA_TUPLE_ORIG:
        hasOriginal = parseTuple(attribute.value, original);
        break;
      case CTA_TUPLE_REPLY:
        hasReply = parseTuple(attribute.value, reply);
        break;
      case CTA_MARK:
        entry.mark = attribute.value.be32(0);
        break;
      case CTA_ID:
        entry.id = attribute.value.be32(0);
        break;
      case CTA_PROTOINFO: {
        const Bytes state =
            findAttribute(findAttribute(attribute.value, CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE);
        entry.state = state.u8(0);
        break;
      }
      default:
        break;
    }
  }
  if (!hasOriginal || !hasReply || original.protocol != IPPROTO_TCP) return false;
  entry.client = original.source;
  entry.destination = original.destination;
  entry.backend = reply.source;
  return true;
}

void writeCreate(MessageWriter& messages, uint32_t sequence, const MappingRequest& mapping,
                 uint32_t timeoutSeconds) {
  begin(messages, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, sequence);
  writeTuple(messages, CTA_TUPLE_ORIG, mapping.client, mapping.destination);
  // The plain inverse; the kernel itself rewrites it when it sets the NAT up, and finds a free port then.
  writeTuple(messages, CTA_TUPLE_REPLY, mapping.destination, mapping.client);
  messages.putBe32(CTA_TIMEOUT, timeoutSeconds);
  messages.putBe32(CTA_MARK, MARK);

  const size_t protocol = messages.openNest(CTA_PROTOINFO);
  const size_t tcp = messages.openNest(CTA_PROTOINFO_TCP);
  messages.putU8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_SYN_SENT);
  // Kernels before 6.8 forget the client's window scale on an entry that did not begin with a packet, and
  // would call a fast transfer's segments invalid; an invalid packet escapes NAT and resets the connection.
  const nf_ct_tcp_flags liberal{IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL};
  messages.put(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &liberal, sizeof(liberal));
  messages.put(CTA_PROTOINFO_TCP_FLAGS_REPLY, &liberal, sizeof(liberal));
  messages.closeNest(tcp);
  messages.closeNest(protocol);

  const size_t destination = messages.openNest(CTA_NAT_DST);
  messages.putBe32(CTA_NAT_V4_MINIP, mapping.backend.address);
  const size_t port = messages.openNest(CTA_NAT_PROTO);
  messages.putBe16(CTA_PROTONAT_PORT_MIN, mapping.backend.port);
  messages.closeNest(port);
  messages.closeNest(destination);
  if (mapping.source) {
    const size_t source = messages.openNest(CTA_NAT_SRC);
    messages.putBe32(CTA_NAT_V4_MINIP, *mapping.source);
    messages.closeNest(source);
  }
  messages.end();
}

void writeGet(MessageWriter& messages, uint32_t sequence, Endpoint client, Endpoint destination) {
  begin(messages, IPCTNL_MSG_CT_GET, 0, sequence);
  writeTuple(messages, CTA_TUPLE_ORIG, client, destination);
  messages.end();
}

void writeDelete(MessageWriter& messages, uint32_t sequence, Endpoint client, Endpoint destination, uint32_t id) {
  begin(messages, IPCTNL_MSG_CT_DELETE, 0, sequence);
  writeTuple(messages, CTA_TUPLE_ORIG, client, destination);
  messages.putBe32(CTA_ID, id);
  messages.end();
}

void writeDumpOurs(MessageWriter& messages, uint32_t sequence, bool unansweredOnly) {
  begin(messages, IPCTNL_MSG_CT_GET, NLM_F_DUMP, sequence);
  messages.putBe32(CTA_MARK, MARK);
  messages.putBe32(CTA_MARK_MASK, MARK_MASK);
  if (unansweredOnly) {
    messages.putBe32(CTA_STATUS, 0);
    messages.putBe32(CTA_STATUS_MASK, IPS_SEEN_REPLY);
  }
  messages.end();
}

void writeFlushOurs(MessageWriter& messages, uint32_t sequence) {
  begin(messages, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, sequence);
  messages.putBe32(CTA_MARK, MARK);
  messages.putBe32(CTA_MARK_MASK, MARK_MASK);
  messages.end();
}

void writeUsage(MessageWriter& messages, uint32_t sequence) {
  begin(messages, IPCTNL_MSG_CT_GET_STATS, 0, sequence);
  messages.end();
}

TableUsage parseUsage(const Message& message) {
  const Bytes attributes = netfilterAttributes(message);
  return {findAttribute(attributes, CTA_STATS_GLOBAL_ENTRIES).be32(0),
          findAttribute(attributes, CTA_STATS_GLOBAL_MAX_ENTRIES).be32(0)};
}

}  // namespace minuteman
