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

}  // namespace minuteman
