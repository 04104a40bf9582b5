#include "messages/firewall_message.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace minuteman {

void writeGenerationRequest(MessageWriter& messages, uint32_t sequence) {
  messages.beginNetfilter(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, sequence, AF_UNSPEC);
  messages.end();
}

std::optional<uint32_t> parseGeneration(const Message& message) {
  if (message.type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return std::nullopt;
  const Bytes id = findAttribute(netfilterAttributes(message), NFTA_GEN_ID);
  if (id.size() != 4) return std::nullopt;
  return id.be32(0);
}

void writeSetHeaderRequest(MessageWriter& messages, uint32_t sequence, uint8_t protocol, const char* name) {
  messages.beginNetfilter(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, NLM_F_DUMP, sequence, AF_INET);
  messages.putU8(IPSET_ATTR_PROTOCOL, protocol);
  messages.putString(IPSET_ATTR_SETNAME, name);
  messages.putBe32(IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, IPSET_FLAG_LIST_HEADER);
  messages.end();
}

std::optional<uint32_t> parseSetSize(const Message& message) {
  if (message.type != (NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST)) return std::nullopt;
  const Bytes data = findAttribute(netfilterAttributes(message), IPSET_ATTR_DATA);
  const Bytes elements = findAttribute(data, IPSET_ATTR_ELEMENTS);
  if (elements.size() != 4) return std::nullopt;
  return elements.be32(0);
}

void writeSetNetworkRequest(MessageWriter& messages, uint32_t sequence, uint8_t protocol, const char* name,
                            uint32_t network, uint8_t prefixLength, uint32_t timeoutSeconds) {
  // Without NLM_F_EXCL the kernel renews an entry that stands.
  messages.beginNetfilter(NFNL_SUBSYS_IPSET, IPSET_CMD_ADD, NLM_F_ACK, sequence, AF_INET);
  messages.putU8(IPSET_ATTR_PROTOCOL, protocol);
  messages.putString(IPSET_ATTR_SETNAME, name);
  const size_t data = messages.openNest(IPSET_ATTR_DATA);
  const size_t address = messages.openNest(IPSET_ATTR_IP);
  messages.putBe32(IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, network);
  messages.closeNest(address);
  messages.putU8(IPSET_ATTR_CIDR, prefixLength);
  messages.putBe32(IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER, timeoutSeconds);
  messages.closeNest(data);
  messages.end();
}

}  // namespace minuteman
